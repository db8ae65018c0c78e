"""Simple recommenders in the same table as the model."""
