"""One sentence on whether the model is better than the best baseline; needs no TensorFlow."""

from collections.abc import Mapping
from typing import Any

from tfmmrec.evaluation.metrics.bootstrap import MIN_USERS, Interval
from tfmmrec.evaluation.segments import MODEL


def model_verdict(summary: Mapping[str, Any]) -> str:
    """States in one sentence whether the model is better than the best baseline of a segment.

    Args:
        summary: as returned by `summarize_segment`.
    """
    lead = summary["lead"]
    metric, baseline, verdict = lead["metric"], lead["baseline"], lead["verdict"]
    difference = Interval(lead["mean"], lead["low"], lead["high"])
    figures = (
        f"{metric.upper()} {summary[MODEL][metric]:.3f} vs. {summary[baseline][metric]:.3f}, "
        f"difference {difference:+}, "
    )
    if verdict not in _COMPARISONS:
        return (
            f"Too few users for a verdict ({lead['users']}; at least {MIN_USERS} are needed) on "
            f"the model and the best baseline, {baseline}: {figures}exact p = {lead['p']:.3f}"
        )
    return (
        f"The model {_COMPARISONS[verdict]} the best baseline, {baseline}: {figures}"
        f"p {_format_p(lead['p'])}"
    )


# By `PairedDifference.verdict`.
_COMPARISONS = {"ahead": "is ahead of", "behind": "is BEHIND", "even": "does NOT beat"}


def _format_p(p: float) -> str:
    return "< 0.001" if p <= 0.001 else f"= {p:.3f}"
