"""What each modality is worth: Shapley values and ablations."""
