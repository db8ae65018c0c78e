"""Negatives of the sampled softmax: candidate sampling, log-Q correction and masking."""
