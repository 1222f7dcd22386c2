"""Recorded runs looked up, read and ranked."""
