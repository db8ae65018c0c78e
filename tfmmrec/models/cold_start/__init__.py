"""Kernel ridge regression from content to item embeddings, for cold-start items."""
