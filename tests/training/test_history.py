"""The history of a training and its best epoch."""

from tfmmrec.config.objective import Objective
from tfmmrec.data.storage import read_json
from tfmmrec.training.callbacks.early_stopping import EarlyStopping
from tfmmrec.training.history import TrainingHistory

NDCG = Objective("ndcg@10", "max")


def entry(epoch: int, **metrics: float) -> dict[str, float]:
    return {"epoch": epoch, "loss": 1.0, **metrics}


def test_the_best_epoch_is_the_first_with_the_best_objective(tmp_path) -> None:
    history = TrainingHistory(NDCG, tmp_path / "run")
    values = [0.1, 0.3, 0.3, 0.2]
    added = [history.add(entry(n, **{"ndcg@10": v})) for n, v in enumerate(values, 1)]
    assert added == [True, True, False, False]
    assert history.best["epoch"] == 2 and history.epochs_without_improvement() == 2
    assert read_json(tmp_path / "run" / "history.json") == history.epochs


def test_less_is_better_of_an_error() -> None:
    history = TrainingHistory(Objective("rmse", "min"))
    assert [history.add(entry(n, rmse=v)) for n, v in ((1, 0.9), (2, 1.0), (3, 0.8))] == [
        True,
        False,
        True,
    ]


def test_without_metrics_on_valid_every_epoch_is_the_best_so_far() -> None:
    history = TrainingHistory(NDCG)
    assert history.add(entry(1)) and history.add(entry(2))
    assert history.best["epoch"] == 2 and history.epochs_without_improvement() == 0


def test_early_stopping_counts_across_a_resume() -> None:
    history = TrainingHistory(NDCG)
    assert not EarlyStopping(history, patience=2).is_over()
    # As a checkpoint restores it: the first of two epochs was the best.
    first = entry(1, **{"ndcg@10": 0.3})
    epochs = [first, entry(2, **{"ndcg@10": 0.2})]
    history.restore({"history": epochs, "best": first, "without_groups": [[], []]})
    stopping = EarlyStopping(history, patience=2)
    assert not stopping.is_over()
    history.add(entry(3, **{"ndcg@10": 0.1}))
    assert stopping.is_over()
