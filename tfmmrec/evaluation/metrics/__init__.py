"""Ranking, rating and click metrics with their confidence intervals."""
