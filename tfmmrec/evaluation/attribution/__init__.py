"""Modality attribution: Shapley values and ablations."""
