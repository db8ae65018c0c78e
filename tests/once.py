"""A training that chooses nothing and is done once, for tests of something else."""

from typing import Any

ONCE: dict[str, Any] = {"query": {"kind": "mean"}, "refit": False}

# Embeddings of items are those of the tower from content, for tests of what is served of content.
CONTENT_ALONE: dict[str, Any] = {"cold_start": {"weight": 0.0}, "closed_form": {"dim": 0}}

# The training of the fixture `small_run`.
SMALL_TRAINING: dict[str, Any] = {**ONCE, "dim": 4, "epochs": 2, "batch_size": 16, "quiet": True}
