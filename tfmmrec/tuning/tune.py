"""Tuning: a data folder and a tuning file become the best training file of a search."""

import shutil
from pathlib import Path
from typing import Any

from tfmmrec.config.checks import check_config
from tfmmrec.config.tune_config import TuneConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.storage import read_json, refuse_existing
from tfmmrec.distribute.strategies import create_strategy
from tfmmrec.encoders.encoded_features import encode_entities
from tfmmrec.errors import DataError, TfmmrecError
from tfmmrec.training.checkpoints import checkpoints_of
from tfmmrec.tuning import oracles
from tfmmrec.tuning.best_trial import finished_trials
from tfmmrec.tuning.distributed import heartbeat, run_chief, this_process, wait_for_chief
from tfmmrec.tuning.progress import Progress
from tfmmrec.tuning.results import RESULTS, write_results
from tfmmrec.tuning.search_folder import check_folder_of_chief, open_folder, publish_folder
from tfmmrec.tuning.search_space import Space
from tfmmrec.tuning.trial_runner import TrialRunner
from tfmmrec.tuning.trial_store import read_records
from tfmmrec.tuning.tuner import Tuner


def tune(
    data: str | Path, out: str | Path, config: TuneConfig = TuneConfig(), *, resume: bool = False
) -> dict[str, Any]:
    """Searches the options of a training for the best metric on the valid split.

    The first trial is the base, the training file as given. The base and the best trials are
    trained again with other seeds, whose mean decides. The test split is never read.

    During the search, its state is in `OUT.partial`, which all processes must share; `OUT` appears
    when the search is complete.

    Args:
        data: a data folder with a valid split.
        out: gets `best.yaml` (a training file), `trials.jsonl`, `results.json` and logs for
            TensorBoard.
        config: of the search.
        resume: continue an interrupted search; a complete one is left as it is.

    Returns:
        The content of `results.json`: the `verdict`, a sentence; the number of the best `trial`;
        its `config`, a training file; the `finalists`; the numbers of `trials` and of `failed`
        ones; the search `space`. Empty from a worker.

    Raises:
        TfmmrecError: there is no valid split, or no trial finished.
    """
    check_config(config, TuneConfig)
    data, out, process = Path(data), Path(out), this_process()
    if resume and (out / RESULTS).exists() and process.is_chief:
        results: dict[str, Any] = read_json(out / RESULTS)
        return results
    # Before any other TensorFlow operation.
    strategy = create_strategy(config.train.strategy) if process.trains else None
    dataset = Dataset(data, cache=config.train.cache)
    if not dataset.has_validation_events(config.train.task):
        raise DataError(f"{data}: has no valid split to tune on; give the dataset file a split")
    space = Space(config.base, config.components, config.ranges, dataset)
    partial = out.with_name(out.name + ".partial")
    # Only the trials of Hyperband continue from the checkpoints of others.
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
            check_folder_of_chief(partial, dataset, config)
            _run_worker(config, space, runner, partial, process.name)
        return {}
    refuse_existing(out)
    resumed = open_folder(partial, dataset, config, resume=resume)
    try:
        _search(dataset, config, space, runner, partial, process.address)
        results = write_results(partial, dataset, config, space)
    except TfmmrecError:
        metric = config.base.objective_spec.name
        # Finished trials are kept, so that the search can be resumed.
        if not resumed and not finished_trials(read_records(partial), metric):
            shutil.rmtree(partial)
        raise
    if checkpoints is not None:
        checkpoints.clear()
    publish_folder(partial, out)
    return results


def _search(
    dataset: Dataset,
    config: TuneConfig,
    space: Space,
    runner: TrialRunner | None,
    folder: Path,
    address: str | None,
) -> None:
    """Runs the trials in this process or, as a chief, proposes them to workers."""
    oracle = oracles.create_oracle(config, space, Progress(config, folder))
    tuner = Tuner(oracle, runner, folder)
    if address is None:
        tuner.search(verbose=0)
        return
    # Encodes once, before the workers need the outputs.
    encode_entities(dataset, "items", config.base)
    encode_entities(dataset, "users", config.base)
    run_chief(oracle, address, folder, config.lost_after)


def _run_worker(
    config: TuneConfig, space: Space, runner: TrialRunner, folder: Path, name: str
) -> None:
    """Runs the trials that the chief proposes until the search is over."""
    oracle = oracles.create_oracle(config, space, lambda oracle, trial: None)
    with heartbeat(folder, name):
        Tuner(oracle, runner, folder).search(verbose=0)
