"""How long MLflow lets what is recorded be."""

LONGEST_PARAMETER = 6000
"""Characters of a parameter's value."""

LONGEST_TAG = 5000
"""Characters of a tag's value."""
