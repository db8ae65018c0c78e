"""Evaluation of predicted ratings and clicks."""
