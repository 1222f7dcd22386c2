"""What a column of a table becomes for a model that takes numbers: a file each way."""
