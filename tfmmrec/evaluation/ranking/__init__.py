"""Ranks of target items among the whole catalogue."""
