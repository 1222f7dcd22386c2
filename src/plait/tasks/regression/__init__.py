"""Numbers, one a row."""
