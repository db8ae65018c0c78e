"""Encoders from TensorFlow Hub: how a module is loaded and called."""
