"""Model families: one file each, a settings class and a builder; and the trained model on disk."""
