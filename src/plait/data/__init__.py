"""Sources, splits, checks and the data set that `generate` writes."""
