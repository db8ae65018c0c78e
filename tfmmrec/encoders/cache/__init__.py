"""Encoder outputs, computed once per value and kept on disk."""
