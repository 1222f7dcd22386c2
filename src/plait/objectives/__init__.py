"""What training minimises: one file each, from a batch and a model to a loss and values to log."""
