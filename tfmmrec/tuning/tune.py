"""Tuning: a data folder and a tuning file become the best training file that was found."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.storage import (
    MANIFEST,
    check_format,
    checksum,
    read_json,
    refuse_existing,
    write_json,
)
from tfmmrec.distribute.strategies import create_strategy
from tfmmrec.encoders.encoded_features import encode_entities
from tfmmrec.errors import DataError, TfmmrecError
from tfmmrec.training.checkpoints import checkpoints_of
from tfmmrec.tuning import oracles
from tfmmrec.tuning.best_trial import finished
from tfmmrec.tuning.config import TuneConfig
from tfmmrec.tuning.distributed import alive, serve, this_process, wait_for_chief
from tfmmrec.tuning.progress import Progress
from tfmmrec.tuning.results import RESULTS, write_results
from tfmmrec.tuning.search_space import Space
from tfmmrec.tuning.trial_runner import TrialRunner
from tfmmrec.tuning.trial_store import read_records
from tfmmrec.tuning.tuner import Tuner

_STATE = "search.json"
# Raised whenever searches begun earlier can no longer be resumed.
_FORMAT = 2
# What stands in the folder of a search and not in that of its results.
_SCAFFOLD = (_STATE, "tuner", "trials", "workers")


def tune(
    data: str | Path, out: str | Path, config: TuneConfig = TuneConfig(), *, resume: bool = False
) -> dict[str, Any]:
    """Searches the options of a training for what is best on the valid split.

    The first trial is the training file as it is. The best trials and that one are trained again
    with other seeds before one of them is called best. Test is never looked at.

    While it searches, what it knows stands in `OUT.partial`, which all processes have to see;
    `OUT` appears when it is whole.

    Args:
        data: a data folder; it needs a valid split.
        out: gets `best.yaml` (a training file), `trials.jsonl`, `results.json` and logs for
            TensorBoard.
        config: how to search.
        resume: go on with a search that was stopped; one that is finished is left as it is.

    Returns:
        `verdict`, a sentence; the number of the best `trial`; its `config`, a training file;
        `finalists`; and how many `trials` there were and `failed`. Nothing from a worker.

    Raises:
        TfmmrecError: the data does not serve, or no trial finished.
    """
    data, out = Path(data), Path(out)
    out, process = Path(out), this_process()
    if resume and (out / RESULTS).exists() and process.leads:
        found: dict[str, Any] = read_json(out / RESULTS)
        return found
    # Before whatever else TensorFlow is asked for.
    strategy = create_strategy(config.train.strategy) if process.trains else None
    dataset = Dataset(data, cache=config.train.cache)
    if not dataset.has_validation_events(config.train.task):
        raise DataError(f"{data}: has no valid split to tune on; give the dataset file a split")
    space = Space(config.base, config.parts, config.ranges, dataset)
    partial = out.with_name(out.name + ".partial")
    # Those of Hyperband alone are gone on from.
    checkpoints = checkpoints_of(config.train, partial) if config.tuner == "hyperband" else None
    runner = None
    if strategy is not None:
        runner = TrialRunner(
            dataset,
            config.base,
            space,
            partial,
            strategy=strategy,
            worker=process.name,
            checkpoints=checkpoints,
        )
    if runner is not None and process.address is not None:
        if wait_for_chief(process.address, out / RESULTS):
            _work(dataset, config, space, runner, partial, process.name)
        return {}
    refuse_existing(out)
    begun = _begin(partial, dataset, config, resume)
    try:
        _lead(dataset, config, space, runner, partial, process.address)
        found = write_results(partial, dataset, config, space)
    except TfmmrecError:
        # What was found is worth more than a tidy place.
        if not begun and not finished(read_records(partial), config.base.objective_spec.name):
            shutil.rmtree(partial)
        raise
    if checkpoints is not None:
        checkpoints.clear()
    _show(partial, out)
    return found


def _lead(
    dataset: Dataset,
    config: TuneConfig,
    space: Space,
    runner: TrialRunner | None,
    folder: Path,
    address: str | None,
) -> None:
    """Says what to try, and tries it where there is no address at which others would ask."""
    oracle = oracles.create_oracle(config, space, Progress(config, folder))
    tuner = Tuner(oracle, runner, folder)
    if address is None:
        tuner.search(verbose=0)
        return
    # Once, before the workers ask for it.
    for side in ("items", "users"):
        encode_entities(dataset, side, config.base)  # type: ignore[arg-type]
    serve(oracle, address, folder, config.lost_after)


def _show(partial: Path, out: Path) -> None:
    """Lets the results appear, and clears them of all that led to them."""
    if out.exists():
        out.rmdir()  # refuse_existing let only an empty folder pass
    partial.rename(out)
    for name in _SCAFFOLD:
        path = out / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _begin(partial: Path, dataset: Dataset, config: TuneConfig, resume: bool) -> bool:
    """Makes the folder of the search; says whether there was one to go on with."""
    path = partial / _STATE
    if path.exists() and not resume:
        raise DataError(f"{partial}: a search was stopped here; add --resume or remove it")
    if path.exists():
        state = read_json(path)
        check_format(partial, state, "tuning", _FORMAT, "remove it and search again")
        if state != _state(dataset, config):
            raise DataError(
                f"{partial}: was searched with another config or other data; remove it to search "
                "anew"
            )
        return True
    partial.mkdir(parents=True, exist_ok=True)
    write_json(path, _state(dataset, config))
    return False


def _state(dataset: Dataset, config: TuneConfig) -> dict[str, Any]:
    """What must be the same for all processes of a search, and when it goes on."""
    options = dataclasses.asdict(config)
    # More trials, or how long to wait, make no other search of it.
    for name in ("trials", "lost_after", "quiet"):
        del options[name]
    for name in ("quiet", "cache", "checkpoints", "strategy"):
        del options["train"][name]
    state = {
        "format": _FORMAT,
        "manifest_sha256": checksum(dataset.folder / MANIFEST),
        "options": options,
    }
    plain: dict[str, Any] = json.loads(json.dumps(state))
    return plain


def _work(
    dataset: Dataset,
    config: TuneConfig,
    space: Space,
    runner: TrialRunner,
    folder: Path,
    name: str,
) -> None:
    """Tries what the chief says, until that says that all is done."""
    if not (folder / _STATE).exists():
        raise DataError(f"{folder}: the chief's folder is not seen from here; share it")
    if read_json(folder / _STATE) != _state(dataset, config):
        raise DataError(f"{folder}: the chief has another config or other data; give it the same")
    oracle = oracles.create_oracle(config, space, lambda oracle, trial: None)
    with alive(folder, name):
        Tuner(oracle, runner, folder).search(verbose=0)
