"""The results of a search: the best training file, and what led to it."""

import dataclasses
from pathlib import Path
from typing import Any

import yaml

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.storage import write_json, write_text
from tfmmrec.errors import DataError
from tfmmrec.tuning.best_trial import finished
from tfmmrec.tuning.config import TuneConfig
from tfmmrec.tuning.finalists import finalists, lead_told, told, verdict
from tfmmrec.tuning.hparams import hparams_path, write_hparams
from tfmmrec.tuning.search_space import Space
from tfmmrec.tuning.trial_runner import config_of
from tfmmrec.tuning.trial_store import read_records, write_lines

# The files of a finished search.
RESULTS = "results.json"
BEST = "best.yaml"
TRIALS = "trials.jsonl"


def write_results(
    folder: Path, dataset: Dataset, config: TuneConfig, space: Space
) -> dict[str, Any]:
    """Writes the results into the folder of a search.

    Args:
        folder: of the search, with the records of its trials.
        dataset: what it was over.
        config: how it was.
        space: what was searched.

    Returns:
        As `tune` does.

    Raises:
        DataError: no trial finished.
    """
    records = read_records(folder)
    objective = config.base.objective_spec
    if not finished(records, objective.name):
        raise DataError(
            f"{dataset.folder}: no trial finished; the first said: {records[0]['error']}"
        )
    found = finalists(records, objective)
    best = next(r for r in records if r["trial"] == found[0].trial)
    chosen = _training_file(config, config_of(config.base, space, best["drawn"]))
    features = dataset.features("items")
    results = {
        "name": dataset.folder.name,
        "verdict": verdict(found, objective),
        "lead": lead_told(found, objective),
        "trial": found[0].trial,
        "config": chosen,
        "objective": dataclasses.asdict(objective),
        "finalists": told(found),
        "trials": len(records),
        "failed": sum("error" in record for record in records),
        "space": space.describe(),
        "modalities": {name: m.value_kind for name, m in features.items()} | {"id": "id"},
    }
    text = yaml.safe_dump(chosen, sort_keys=False, allow_unicode=True)
    records = [{k: v for k, v in record.items() if k != "drawn"} for record in records]
    write_text(folder / BEST, f"# {results['verdict']}\n{text}")
    write_lines(folder / TRIALS, records)
    for record in records:
        if "error" not in record and not hparams_path(folder, record).exists():
            write_hparams(folder, record)
    write_json(folder / RESULTS, results)
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
