"""The tracking store: where it is, whether it answers, and what keeps it in order."""
