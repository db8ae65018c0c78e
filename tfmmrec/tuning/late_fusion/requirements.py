"""What a run must have for its late-fusion weights to be searched after training."""

from pathlib import Path

from tfmmrec.config.checks import check_choice, check_count
from tfmmrec.config.objective import Objective, objective_of
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.layers.fusion import LateFusion
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.run_file import read_run
from tfmmrec.tuning.late_fusion.search import TUNERS


def check_options(tuner: str, trials: int, objective: str) -> Objective:
    """Returns the objective; raises ConfigError if an option has no such value."""
    check_choice("tuner", tuner, TUNERS)
    # The surrogate needs some trials besides those that every search starts with.
    check_count("trials", trials, 10)
    return objective_of("retrieval", objective)


def check_config(run: Path) -> None:
    """Refuses a run by its config, before anything is loaded.

    Raises:
        ConfigError: the run has no weighted late fusion.
        DataError: the run was trained on the valid split.
    """
    config = read_run(run)["config"]
    fusion = config.get("fusion") or {}
    if fusion.get("kind") != "late" or fusion.get("decision", "weighted") != "weighted":
        kind = " ".join(str(fusion[k]) for k in ("kind", "decision") if k in fusion)
        raise ConfigError(
            f"{run}: only a weighted late fusion has weights that can be searched after training; "
            f"train with fusion.kind late. Received: {kind}"
        )
    if config.get("refit", True):
        raise DataError(
            f"{run}: split valid: the model was trained on it (refit); train with refit false"
        )


def late_fusion_of(bundle: ModelBundle, run: Path) -> LateFusion:
    """The fusion of a model, if its weights can be searched on the valid split.

    Raises:
        DataError: the fusion has a single member, the model does not rank, or there is no valid
            split.
    """
    fusion = bundle.model.item_tower.fusion
    if not isinstance(fusion, LateFusion) or len(fusion.names) < 2:
        raise DataError(
            f"{run}: there are no weights to search; the fusion has one member: "
            f"{', '.join(fusion.names) or 'id'}"
        )
    if not bundle.model.scores_by_product:
        raise DataError(f"{run}: the model does not rank; train with task retrieval or joint")
    if not bundle.dataset.has_validation_events("retrieval"):
        raise DataError(
            f"{bundle.dataset.folder}: has no valid split to search on; give the dataset file a "
            "split"
        )
    return fusion
