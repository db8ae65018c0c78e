"""Evaluation over the whole catalog: metrics, baselines, attribution."""
