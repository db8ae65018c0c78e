"""Compares the ranks of runs on the same targets, with paired differences."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from tfmmrec.data.storage import MANIFEST
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.evaluation.metrics.bootstrap import UserBootstrap
from tfmmrec.evaluation.metrics.ranking import target_metrics
from tfmmrec.evaluation.rank_store import StoredRanks
from tfmmrec.evaluation.segments import METRICS, K
from tfmmrec.models.run_file import check_data_unchanged, read_run

# A run folder and its run.json.
_Run: TypeAlias = tuple[Path, Mapping[str, Any]]


def check_comparable(runs: Sequence[Path]) -> None:
    """Checks that runs were trained on the same data.

    Raises:
        ConfigError: there are fewer than two runs, or one is given twice.
        DataError: a folder is not a run, its data were packed anew since, or the runs have
            different data.
    """
    if len(runs) < 2 or len({run.resolve() for run in runs}) < len(runs):
        given = ", ".join(map(str, runs))
        raise ConfigError(f"compare needs two runs or more, each once. Received: {given}")
    contents = [read_run(run) for run in runs]
    for run, content in zip(runs, contents, strict=True):
        # Without the data, runs can be compared by the ranks that they have stored.
        if (Path(content["data"]) / MANIFEST).is_file():
            check_data_unchanged(run, content)
    for run, content in zip(runs[1:], contents[1:], strict=True):
        if content["manifest_sha256"] != contents[0]["manifest_sha256"]:
            raise _other_data((runs[0], contents[0]), (run, content))


def _other_data(first: _Run, other: _Run) -> DataError:
    """Returns the error of two runs with different data."""
    for (run, content), (trained, of_trained) in ((other, first), (first, other)):
        if "updated" in content:
            return DataError(
                f"{run}: was updated to {content['data']}, while {trained} has the data "
                f"{of_trained['data']}; compare it with a run that was trained on "
                f"{content['data']}"
            )
    return DataError(
        f"{other[0]}: trained on other data than {first[0]}: {other[1]['data']} and "
        f"{first[1]['data']}; compare runs of the same data folder"
    )


def compare(ranks: Mapping[str, StoredRanks], *, seed: int = 0) -> dict[str, Any]:
    """Compares runs on the same targets, each with the first run.

    Args:
        ranks: the ranks of each run, by its name.
        seed: of the bootstrap over users.

    Returns:
        For each segment of the first run, `warm`, `cold` or `new_users`: `{"targets", "runs":
        {NAME: {METRIC: {"mean", "low", "high"}, "lead": {"users", "mean", "low", "high", "p",
        "verdict"}}}}`. `lead` is the paired difference in NDCG@10 to the first run, which has none.
        `low` and `high` are None for fewer than 10 users.

    Raises:
        DataError: the runs have different targets.
    """
    first = next(iter(ranks.values()))
    return {segment: _compare_segment(ranks, segment, seed) for segment in first}


def _compare_segment(ranks: Mapping[str, StoredRanks], segment: str, seed: int) -> dict[str, Any]:
    reference = next(iter(ranks.values()))[segment]
    users, items = reference.user, reference.item
    bootstrap = UserBootstrap(users, seed=seed)
    runs: dict[str, Any] = {}
    first = None
    for name, by_segment in ranks.items():
        own = by_segment[segment]
        if not (np.array_equal(own.user, users) and np.array_equal(own.item, items)):
            raise DataError(f"{name}: its {segment} targets differ; evaluate all runs again")
        values = target_metrics(own.rank)
        columns = np.stack([values[metric] for metric in METRICS], axis=1)
        intervals = bootstrap.intervals(columns)
        runs[name] = {
            metric: dataclasses.asdict(interval)
            for metric, interval in zip(METRICS, intervals, strict=True)
        }
        ndcg = values[f"ndcg@{K}"]
        if first is None:
            first = ndcg
            continue
        difference = bootstrap.difference(ndcg, first)
        runs[name]["lead"] = difference.to_dict()
    return {"targets": len(users), "runs": runs}
