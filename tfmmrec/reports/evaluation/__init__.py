"""The evaluation and comparison pages."""
