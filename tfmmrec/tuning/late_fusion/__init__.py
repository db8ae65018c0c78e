"""Search for the weights of a late fusion after training."""
