"""A training that chooses nothing and is done once, for tests of something else."""

from typing import Any

ONCE: dict[str, Any] = {"query": {"kind": "mean"}, "refit": False}
