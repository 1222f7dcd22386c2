"""Stages of one ``dvc repro`` are forked from a process that has imported what they import."""
