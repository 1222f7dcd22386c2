"""A run recorded while it trains."""
