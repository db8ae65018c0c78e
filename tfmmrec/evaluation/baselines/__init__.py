"""Simple baselines that the model is compared with."""
