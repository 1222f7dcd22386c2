"""What follows the weights of a model: probabilities put right, and answers made of them."""
