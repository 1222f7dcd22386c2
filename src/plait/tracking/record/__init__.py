"""A run recorded from what its stages left."""
