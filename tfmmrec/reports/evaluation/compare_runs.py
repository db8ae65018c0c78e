"""Compares runs; evaluates those that were not evaluated before, and writes the HTML page."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tfmmrec.errors import ConfigError, DataError
from tfmmrec.evaluation.compare import check_comparable, compare
from tfmmrec.evaluation.rank_store import StoredRanks, load_ranks
from tfmmrec.models.output_path import check_output_path
from tfmmrec.models.run_file import read_run
from tfmmrec.reports.bokeh import require_bokeh
from tfmmrec.reports.evaluation.compare_page import write_comparison
from tfmmrec.reports.evaluation.evaluate_run import evaluate_run


def compare_runs(
    runs: Sequence[str | Path],
    *,
    split: str = "test",
    report: str | Path | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> dict[str, Any]:
    """Compares runs on the same targets, each with the first run.

    Runs without stored ranks of the split are evaluated first, with `evaluate_run`.

    Args:
        runs: at least two run folders, trained on the same data.
        split: `valid` or `test`.
        report: an HTML page to write, with curves and some users' lists side by side; it needs the
            extra `report`.
        seed: of the bootstrap over users, and of the users on the page.
        quiet: no progress bars.

    Returns:
        As `compare`, with the paths of the runs as names.

    Raises:
        ConfigError: there are fewer than two runs, one is given twice, or they are no list.
        DataError: a folder is not a run; the runs have different data; a model does not rank items;
            the page cannot be written, or the extra `report` is missing.
    """
    if isinstance(runs, str | Path):
        raise ConfigError(f"runs: give a list of run folders. Received: {str(runs)!r}")
    check_output_path("--report", report)
    if report is not None:
        require_bokeh()
    folders = [Path(run) for run in runs]
    check_comparable(folders)
    ranks = {str(run): _ranks(run, split, quiet) for run in folders}
    comparison = compare(ranks, seed=seed)
    if report is not None:
        write_comparison(Path(report), split, comparison, ranks, configs_of(folders), seed=seed)
    return comparison


def configs_of(runs: Iterable[str | Path]) -> dict[str, dict[str, Any]]:
    """Returns the config of each run as nested mappings, by the path of the run."""
    return {str(run): read_run(Path(run))["config"] for run in runs}


def _ranks(run: Path, split: str, quiet: bool) -> StoredRanks:
    ranks = load_ranks(run, split)
    if ranks is None:
        evaluate_run(run, split=split, quiet=quiet)
        ranks = load_ranks(run, split)
    if not ranks:
        raise DataError(f"{run}: ranks no items; only models that do can be compared")
    return ranks
