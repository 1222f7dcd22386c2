"""Callbacks that can be chosen: one file each."""
