"""Adversarial training: one file each, from a loss to the shift of its inputs that hurts most."""
