"""A training that chooses nothing and is done once, for tests of something else."""

from typing import Any

# Terms in closed form would take as long as all the rest of a small training.
ONCE: dict[str, Any] = {"query": {"kind": "mean"}, "refit": False, "closed_form": {"dim": 0}}
# The same with all terms of the score.
ONCE_WITH_TERMS: dict[str, Any] = {**ONCE, "closed_form": {}}

# With ONCE, embeddings of items are those of the tower from content, for tests of what is served.
CONTENT_ALONE: dict[str, Any] = {"cold_start": {"weight": 0.0}}

# The training of the fixture `small_run`.
SMALL_TRAINING: dict[str, Any] = {
    **ONCE_WITH_TERMS,
    "dim": 4,
    "epochs": 2,
    "batch_size": 16,
    "quiet": True,
}
