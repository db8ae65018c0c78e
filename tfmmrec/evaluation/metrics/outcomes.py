"""How well ratings and clicks are predicted."""

import numpy as np
from sklearn.metrics import log_loss, mean_absolute_error, roc_auc_score, root_mean_squared_error


def rating_metrics(ratings: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """RMSE and MAE of predicted ratings, `[events]` both."""
    return {
        "rmse": float(root_mean_squared_error(ratings, predicted)),
        "mae": float(mean_absolute_error(ratings, predicted)),
    }


def click_metrics(clicked: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """AUC, log loss and calibration error of predicted probabilities.

    Args:
        clicked: bool `[events]`.
        predicted: probabilities, `[events]`.

    Returns:
        `auc`, the chance that a clicked event is ranked above another, ties for half; left out
        where all events are of one kind. `log_loss`, in nats. `calibration_error`, see there.
    """
    # As 64-bit floats, in which one is told from nearly one.
    predicted = np.asarray(predicted, np.float64)
    metrics = {}
    if 0 < np.sum(clicked) < len(clicked):
        metrics["auc"] = float(roc_auc_score(clicked, predicted))
    metrics["log_loss"] = float(log_loss(clicked, predicted, labels=[False, True]))
    metrics["calibration_error"] = calibration_error(clicked, predicted)
    return metrics


def calibration_error(clicked: np.ndarray, predicted: np.ndarray, bins: int = 10) -> float:
    """The mean gap between what is predicted and what comes, over bins of as many events each.

    The expected calibration error (Naeini et al. 2015) with bins of equal mass, as Nguyen and
    O'Connor 2015 have them, since clicks are rare and bins of equal width stay empty.
    """
    said, came, counts = calibration_curve(clicked, predicted, bins)
    return float((np.abs(said - came) * counts).sum() / len(clicked))


def calibration_curve(
    clicked: np.ndarray, predicted: np.ndarray, bins: int = 10
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is predicted and what comes, over bins of as many events each, the least likely first.

    Args:
        clicked: bool `[events]`.
        predicted: probabilities, `[events]`.
        bins: how many; fewer where there are fewer events.

    Returns:
        The mean of the probabilities, the share that was clicked, and the number of events, each
        `[bins]`.
    """
    order = np.argsort(predicted, kind="stable")
    parts = [rows for rows in np.array_split(order, bins) if len(rows)]
    said, came = (
        np.array([values[rows].mean() for rows in parts])
        for values in (np.asarray(predicted, np.float64), np.asarray(clicked, np.float64))
    )
    return said, came, np.array([len(rows) for rows in parts])
