"""The plots of an evaluation, as PNG files that are equal byte for byte when rebuilt."""
