"""Classes, any number of them a row."""
