"""Built-in encoders, which need no download."""
