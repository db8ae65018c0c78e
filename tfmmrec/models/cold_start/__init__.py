"""Kernel ridge regression from content to item vectors, for items without events."""
