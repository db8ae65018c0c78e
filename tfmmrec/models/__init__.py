"""The two towers, cold start, and the run folder that holds a trained model."""
