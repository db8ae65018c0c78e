"""Encoders that need no download."""
