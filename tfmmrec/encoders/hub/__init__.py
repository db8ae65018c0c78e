"""Encoders from TensorFlow Hub and other SavedModels: resolved, loaded, inspected and called."""
