"""Typed options of the training file and of each stage; no model code."""
