"""The metrics of an earlier evaluation of a run, if nothing has changed since.

Reads files only, so that the same evaluation again needs neither TensorFlow nor the model.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfmmrec.data.storage import MANIFEST, checksum, fingerprint, read_json
from tfmmrec.errors import DataError
from tfmmrec.version import __version__, installed_version

# The key of `metrics.SPLIT.json` that identifies the conditions of the evaluation.
CONDITIONS = "conditions"
# Raised whenever the content of the metrics changes.
_METRICS_FORMAT = 2
# The files of an evaluation, besides the metrics.
_OTHERS = ("model_card.md", "data_card.md")


def stored_metrics(run: str | Path, split: str, **options: Any) -> dict[str, Any] | None:
    """Reads `metrics.SPLIT.json` if it is of the same run, data, version and options.

    Args:
        run: a run folder.
        split: `valid` or `test`.
        options: as for `evaluation_conditions`.

    Returns:
        None if there is no such file, if it was written under other conditions, or if another file
        of the evaluation is gone.
    """
    run = Path(run)
    try:
        metrics: dict[str, Any] = read_json(run / f"metrics.{split}.json")
        conditions = evaluation_conditions(run, **options)
    except (DataError, OSError, ValueError, KeyError, TypeError):
        return None  # the evaluation itself says what is wrong
    if not isinstance(metrics, dict) or metrics.get(CONDITIONS) != conditions:
        return None
    return metrics if all((run / name).is_file() for name in _OTHERS) else None


def evaluation_conditions(
    run: Path,
    *,
    modality_attribution: bool,
    cutoffs: Sequence[int] | None,
    allow_leakage: bool,
    seed: int,
) -> str:
    """Returns a hash of everything that the metrics of a run depend on.

    These are the content of run.json, the size and time of the weights, the manifest of the data,
    the versions of tfmmrec and of the library of two baselines, and the options of `evaluate`.
    """
    data = Path(read_json(run / "run.json")["data"])
    weights = [path.stat() for path in sorted((run / "weights").iterdir())]
    return fingerprint(
        {
            "format": _METRICS_FORMAT,
            "version": __version__,
            "implicit": installed_version("implicit"),
            "run": checksum(run / "run.json"),
            "weights": [[own.st_size, own.st_mtime_ns] for own in weights],
            "data": checksum(data / MANIFEST),
            "modality_attribution": modality_attribution,
            "cutoffs": None if cutoffs is None else sorted(cutoffs),
            "allow_leakage": allow_leakage,
            "seed": seed,
        }
    )
