"""Ways to adapt a pretrained transformer: one file each, all of one shape."""
