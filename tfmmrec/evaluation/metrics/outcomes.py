"""Metrics of predicted ratings and clicks."""

import numpy as np
from sklearn.metrics import log_loss, mean_absolute_error, roc_auc_score, root_mean_squared_error


def rating_metrics(ratings: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Computes RMSE and MAE of predicted ratings, `[events]` both."""
    return {
        "rmse": float(root_mean_squared_error(ratings, predicted)),
        "mae": float(mean_absolute_error(ratings, predicted)),
    }


def click_metrics(clicked: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Computes AUC, log loss and calibration error of predicted probabilities.

    Args:
        clicked: bool `[events]`.
        predicted: probabilities, `[events]`.

    Returns:
        `auc`, the probability that a click is ranked above a non-click, with ties counted half;
        absent if there are only clicks or only non-clicks. `log_loss`, in nats.
        `calibration_error`, see the function of that name.
    """
    # In float64, a probability close to 1 is distinguished from 1.
    predicted = np.asarray(predicted, np.float64)
    metrics = {}
    if 0 < np.sum(clicked) < len(clicked):
        metrics["auc"] = float(roc_auc_score(clicked, predicted))
    metrics["log_loss"] = float(log_loss(clicked, predicted, labels=[False, True]))
    metrics["calibration_error"] = calibration_error(clicked, predicted)
    return metrics


def calibration_error(clicked: np.ndarray, predicted: np.ndarray, bins: int = 10) -> float:
    """Computes the expected calibration error (Naeini et al. 2015), with bins of equal mass.

    The mean difference between predicted and observed rates. Bins have equal numbers of events, as
    in Nguyen and O'Connor 2015, since clicks are rare and many bins of equal width would be empty.
    """
    predicted_rates, observed_rates, counts = calibration_curve(clicked, predicted, bins)
    return float((np.abs(predicted_rates - observed_rates) * counts).sum() / len(clicked))


def calibration_curve(
    clicked: np.ndarray, predicted: np.ndarray, bins: int = 10
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Computes predicted and observed rates in bins of equal numbers of events, in rising order.

    Args:
        clicked: bool `[events]`.
        predicted: probabilities, `[events]`.
        bins: number of bins (default 10); fewer if there are fewer events.

    Returns:
        The mean probability, the share of clicks, and the number of events, each `[bins]`.
    """
    order = np.argsort(predicted, kind="stable")
    parts = [rows for rows in np.array_split(order, bins) if len(rows)]
    predicted_rates, observed_rates = (
        np.array([values[rows].mean() for rows in parts])
        for values in (np.asarray(predicted, np.float64), np.asarray(clicked, np.float64))
    )
    return predicted_rates, observed_rates, np.array([len(rows) for rows in parts])
