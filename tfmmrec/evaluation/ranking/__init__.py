"""Ranks of target items in the whole catalog."""
