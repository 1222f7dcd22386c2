"""Ways to put probabilities right, one file each."""
