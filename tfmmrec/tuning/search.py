"""Tuning: a data folder and a tuning file become the best training file that was found."""

import contextlib
import dataclasses
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml

from tfmmrec.config import TrainConfig
from tfmmrec.dataset import Dataset
from tfmmrec.encoded_side import encode_side
from tfmmrec.errors import DataError, TfmmrecError
from tfmmrec.folders import MANIFEST, checksum, read_json, refuse_existing, write_json, write_text
from tfmmrec.strategies import create_strategy
from tfmmrec.tuning import oracles
from tfmmrec.tuning.config import TuneConfig
from tfmmrec.tuning.finished import finished, is_rerun
from tfmmrec.tuning.hparams import write_hparams
from tfmmrec.tuning.processes import alive, serve, this_process, wait_for_chief
from tfmmrec.tuning.records import Record, read_records, write_lines
from tfmmrec.tuning.results import finalists, told, verdict
from tfmmrec.tuning.space import Space
from tfmmrec.tuning.trials import TrialRunner, config_of
from tfmmrec.tuning.tuner import Tuner

_STATE = "search.json"
# What stands in the folder of a search and not in that of its results.
_SCAFFOLD = (_STATE, "tuner", "trials", "workers", "checkpoints")


def tune(data: Path, out: Path, config: TuneConfig, *, resume: bool = False) -> dict[str, Any]:
    """Searches the options of a training for what is best on the valid split.

    The first trial is the training file as it is. The best trials and that one are trained again
    with other seeds before one of them is called best. Test is never looked at.

    While it searches, what it knows stands in `OUT.partial`, which all processes have to see;
    `OUT` appears when it is whole.

    Args:
        data: a data folder; it needs a valid split.
        out: gets `best.yaml` (a training file), `trials.jsonl`, `results.json`, `tuning.html` (with
            the extra report) and logs for TensorBoard.
        config: how to search.
        resume: go on with a search that was stopped; one that is finished is left as it is.

    Returns:
        `verdict`, a sentence; the number of the best `trial`; its `config`, a training file;
        `finalists`; and how many `trials` there were and `failed`. Nothing from a worker.

    Raises:
        TfmmrecError: the data does not serve, or no trial finished.
    """
    out, process = Path(out), this_process()
    partial = out.with_name(out.name + ".partial")
    if resume and out.exists() and process.leads:
        found: dict[str, Any] = read_json(out / "results.json")
        return found
    # Before whatever else TensorFlow is asked for.
    strategy = create_strategy(config.train.strategy) if process.trains else None
    dataset = Dataset(data, cache=config.train.cache)
    if not dataset.has_valid(config.train.task):
        raise DataError(f"{data}: has no valid split to tune on; give the dataset file a split")
    space = Space(config.base, config.parts, config.ranges, dataset)
    runner = None
    if strategy is not None:
        runner = TrialRunner(
            dataset,
            config.base,
            space,
            partial,
            strategy=strategy,
            worker=process.name,
            keep=config.tuner == "hyperband",
        )
    if runner is not None and process.address is not None:
        if wait_for_chief(process.address, out):
            _work(config, space, runner, partial, process.name)
        return {}
    refuse_existing(out)
    begun = _begin(partial, dataset, config, resume)
    try:
        oracle = oracles.create_oracle(config, space, _Progress(config, partial))
        tuner = Tuner(oracle, runner, partial)
        if process.address is None:
            tuner.search(verbose=0)
        else:
            # Once, before the workers ask for it.
            for side in ("items", "users"):
                encode_side(dataset, side, config.base)  # type: ignore[arg-type]
            serve(oracle, process.address, partial, config.lost_after)
        found = _finish(partial, dataset, config, space)
    except TfmmrecError:
        # What was found is worth more than a tidy place.
        if not begun and not finished(read_records(partial), config.base.judged_by.name):
            shutil.rmtree(partial)
        raise
    if out.exists():
        out.rmdir()  # refuse_existing let only an empty folder pass
    partial.rename(out)
    return found


def _begin(partial: Path, dataset: Dataset, config: TuneConfig, resume: bool) -> bool:
    """Makes the folder of the search; says whether there was one to go on with."""
    options = dataclasses.asdict(config)
    # More trials, or how long to wait, make no other search of it.
    for name in ("trials", "lost_after", "quiet"):
        del options[name]
    for name in ("quiet", "cache"):
        del options["train"][name]
    state = {"manifest_sha256": checksum(dataset.folder / MANIFEST), "options": options}
    path = partial / _STATE
    if path.exists() and not resume:
        raise DataError(f"{partial}: a search was stopped here; add --resume or remove it")
    if path.exists():
        if read_json(path) != json.loads(json.dumps(state)):
            raise DataError(
                f"{partial}: was searched with another config or other data; remove it to search "
                "anew"
            )
        return True
    partial.mkdir(parents=True, exist_ok=True)
    write_json(path, state)
    return False


def _work(config: TuneConfig, space: Space, runner: TrialRunner, folder: Path, name: str) -> None:
    """Tries what the chief says, until that says that all is done."""
    if not (folder / _STATE).exists():
        raise DataError(f"{folder}: the chief's folder is not seen from here; share it")
    oracle = oracles.create_oracle(config, space, lambda oracle, trial: None)
    # Keras Tuner prints the conditions of each hyperparameter that it reads from a message.
    with alive(folder, name), open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        Tuner(oracle, runner, folder).search(verbose=0)


class _Progress:
    """Tells of each trial that ended."""

    def __init__(self, config: TuneConfig, folder: Path):
        self._config = config
        self._folder = folder

    def __call__(self, oracle: oracles.Staged, trial: Any) -> None:
        records = read_records(self._folder)
        record = next((r for r in records if r["trial"] == int(trial.trial_id)), None)
        if record is None:
            return
        if "error" not in record:
            write_hparams(self._folder, record)
        if not self._config.quiet:
            print(self._line(record, records), flush=True)

    def _line(self, record: Record, records: list[Record]) -> str:
        objective = self._config.base.judged_by
        what = f"trial {record['trial']}"
        if is_rerun(record):
            what += f" (trial {record['of']} with seed {record['seed']})"
        if "error" in record:
            return f"{what} failed: {record['error']}"
        name, seconds = objective.name, record["seconds"]["whole"]
        line = f"{what}: {name} {record['metrics'][name]:.4f} in {seconds:.0f} s"
        if is_rerun(record):
            return line
        best = max(finished(records, name), key=lambda r: objective.worth(r["metrics"]))
        return f"{line}; best {best['metrics'][name]:.4f} (trial {best['trial']})"


def _finish(folder: Path, dataset: Dataset, config: TuneConfig, space: Space) -> dict[str, Any]:
    """Writes the results into the folder, and clears it of all that led to them."""
    records = read_records(folder)
    objective = config.base.judged_by
    if not finished(records, objective.name):
        raise DataError(
            f"{dataset.folder}: no trial finished; the first said: {records[0]['error']}"
        )
    found = finalists(records, objective)
    best = next(r for r in records if r["trial"] == found[0].trial)
    chosen = _training_file(config, config_of(config.base, space, best["drawn"]))
    results = {
        "verdict": verdict(found, objective),
        "trial": found[0].trial,
        "config": chosen,
        "objective": dataclasses.asdict(objective),
        "finalists": told(found),
        "trials": len(records),
        "failed": sum("error" in record for record in records),
    }
    text = yaml.safe_dump(chosen, sort_keys=False, allow_unicode=True)
    records = [{k: v for k, v in record.items() if k != "drawn"} for record in records]
    write_text(folder / "best.yaml", f"# {results['verdict']}\n{text}")
    write_lines(folder / "trials.jsonl", records)
    write_json(folder / "results.json", results)
    _write_page(folder, dataset, space, results, records, text)
    for name in _SCAFFOLD:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return results


def _training_file(config: TuneConfig, best: TrainConfig) -> dict[str, Any]:
    """The best training as `tfmmrec train` takes it, with what trials did without as given."""
    given, chosen = dataclasses.asdict(config.train), dataclasses.asdict(best)
    for name in ("epochs", "refit", "seed"):
        chosen[name] = given[name]
    if chosen["query"] == config.base.query:
        # The choice is left to the data, as it was.
        chosen["query"] = given["query"]
    del chosen["quiet"]
    return chosen


def _write_page(
    folder: Path,
    dataset: Dataset,
    space: Space,
    results: dict[str, Any],
    records: list[Record],
    text: str,
) -> None:
    try:
        import bokeh  # noqa: F401
    except ImportError:
        print(
            "tfmmrec: no tuning.html, its plots need the extra report; pip install "
            "'tfmmrec[report]'",
            file=sys.stderr,
        )
        return
    from tfmmrec.tuning.page import write_page

    features = dataset.features("items")
    write_page(
        folder / "tuning.html",
        {
            **results,
            "name": dataset.folder.name,
            "space": space.describe(),
            "modalities": {name: m.element or m.kind for name, m in features.items()}
            | {"id": "id"},
            "trials": records,
            "best_yaml": text,
        },
    )
