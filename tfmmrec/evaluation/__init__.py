"""Evaluation over the whole catalogue: metrics, baselines, attribution."""
