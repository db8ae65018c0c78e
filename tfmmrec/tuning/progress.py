"""A line per finished trial of a running search."""

from pathlib import Path
from typing import Any

from tfmmrec.config.tune_config import TuneConfig
from tfmmrec.tuning.best_trial import finished_trials, is_rerun
from tfmmrec.tuning.hparams import write_hparams
from tfmmrec.tuning.staged_oracle import StagedOracle
from tfmmrec.tuning.trial_store import Record, read_records


class Progress:
    """Prints a line and writes TensorBoard's logs after each trial.

    Args:
        config: of the search.
        folder: of the search.
    """

    def __init__(self, config: TuneConfig, folder: Path):
        self._config = config
        self._folder = folder

    def __call__(self, oracle: StagedOracle, trial: Any) -> None:
        records = read_records(self._folder)
        record = next((r for r in records if r["trial"] == int(trial.trial_id)), None)
        if record is None:
            return
        if "error" not in record:
            write_hparams(self._folder, record)
        if not self._config.quiet:
            print(self._line(record, records), flush=True)

    def _line(self, record: Record, records: list[Record]) -> str:
        objective = self._config.base.objective_spec
        subject = f"trial {record['trial']}"
        if is_rerun(record):
            subject += f" (trial {record['rerun_of']} with seed {record['seed']})"
        if "error" in record:
            return f"{subject} failed: {record['error']}"
        name, seconds = objective.name, record["seconds"]["total"]
        line = f"{subject}: {name} {record['metrics'][name]:.4f} in {seconds:.0f} s"
        if is_rerun(record):
            return line
        best = max(finished_trials(records, name), key=lambda r: objective.worth(r["metrics"]))
        return f"{line}; best {best['metrics'][name]:.4f} (trial {best['trial']})"
