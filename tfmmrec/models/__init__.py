"""The two-tower model, cold start, the model bundle and the run folder."""
