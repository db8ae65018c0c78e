"""Encoders of feature values, their fine-tuning, and the cache of their encodings."""
