"""How good a trained model is, how sure that is, and how it stands against naive answers."""
