"""The result files of a search: the best training file, the trials, and the verdict."""

import dataclasses
from pathlib import Path
from typing import Any

import yaml

from tfmmrec.config.differences import changed_options
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.tune_config import TuneConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.storage import write_json, write_text
from tfmmrec.errors import DataError
from tfmmrec.tuning.best_trial import finished_trials
from tfmmrec.tuning.finalists import find_finalists, lead_of_best, search_verdict, summarize
from tfmmrec.tuning.hparams import hparams_path, write_hparams
from tfmmrec.tuning.search_space import Space
from tfmmrec.tuning.trial_runner import config_of
from tfmmrec.tuning.trial_store import PROPOSED, read_records, write_lines

# The files of a complete search.
RESULTS = "results.json"
BEST = "best.yaml"
TRIALS = "trials.jsonl"


def write_results(
    folder: Path, dataset: Dataset, config: TuneConfig, space: Space
) -> dict[str, Any]:
    """Writes the results into the folder of a search.

    Args:
        folder: of the search, with the records of its trials.
        dataset: the data folder.
        config: of the search.
        space: the search space.

    Returns:
        The content of `results.json`, see `tune`.

    Raises:
        DataError: no trial finished.
    """
    records = read_records(folder)
    objective = config.base.objective_spec
    if not finished_trials(records, objective.name):
        raise DataError(
            f"{dataset.folder}: no trial finished; the first failed with: {records[0]['error']}"
        )
    finalists = find_finalists(records, objective)
    best = next(r for r in records if r["trial"] == finalists[0].trial)
    training_file = _training_file(config, config_of(config.base, space, best[PROPOSED]))
    features = dataset.features("items")
    lead = lead_of_best(finalists, objective)
    results = {
        "name": dataset.folder.name,
        "verdict": search_verdict(finalists, objective),
        "lead": None if lead is None else lead.to_dict(),
        "trial": finalists[0].trial,
        "config": training_file,
        "objective": dataclasses.asdict(objective),
        "finalists": summarize(finalists),
        "trials": len(records),
        "failed": sum("error" in record for record in records),
        "space": space.describe(),
        "modalities": {name: m.value_kind for name, m in features.items()} | {"id": "id"},
    }
    write_text(folder / BEST, f"# {results['verdict']}\n{_changes_as_yaml(training_file)}")
    records = [{k: v for k, v in record.items() if k != PROPOSED} for record in records]
    write_lines(folder / TRIALS, records)
    for record in records:
        if "error" not in record and not hparams_path(folder, record).exists():
            write_hparams(folder, record)
    write_json(folder / RESULTS, results)
    return results


def _changes_as_yaml(training_file: dict[str, Any]) -> str:
    """What differs from the defaults, which is what a person wants to read; `{}` if nothing."""
    changes = changed_options(training_file, dataclasses.asdict(TrainConfig()))
    return yaml.safe_dump(changes, sort_keys=False, allow_unicode=True)


def _training_file(config: TuneConfig, best: TrainConfig) -> dict[str, Any]:
    """The best config as `tfmmrec train` takes it; options that trials replaced are as given."""
    given, options = dataclasses.asdict(config.train), dataclasses.asdict(best)
    for name in ("epochs", "refit", "seed"):
        options[name] = given[name]
    if options["query"] == config.base.query:
        # With `auto`, the training decides again.
        options["query"] = given["query"]
    del options["quiet"]
    return options
