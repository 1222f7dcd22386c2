"""What one does with recorded runs: make them again, promote them, remove what nobody needs."""
