"""Kinds of task: what a target is, how it is learnt and predicted, and how that is measured."""
