"""More training texts from those there are: one file each."""
