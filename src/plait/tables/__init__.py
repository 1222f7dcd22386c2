"""A user's table, looked at before there is an experiment on it."""
