"""Negatives of the sampled softmax: which they are and how they are corrected for."""
