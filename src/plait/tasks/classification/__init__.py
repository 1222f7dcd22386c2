"""Classes, one a row."""
