"""Composition, checking, code closure and identity."""
