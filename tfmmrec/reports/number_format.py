"""Numbers formatted for readers."""

import math

_ACRONYMS = frozenset(("auc", "hr", "mae", "map", "mrr", "ndcg", "rmse"))


def number(value: float) -> str:
    """Formats a number: without decimals if it is an integer, else with 4 digits; "" for NaN."""
    if math.isnan(value):
        return ""
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:.4g}"


def share(part: float, whole: float) -> str:
    """Formats a share in percent; with 2 decimals if it would otherwise round to 0 or 100 %."""
    rounded = f"{part / max(1, whole):.0%}"
    if (part and rounded == "0%") or (part < whole and rounded == "100%"):
        return f"{part / whole:.2%}"
    return rounded


def size(value: float) -> str:
    """Formats a number of bytes: 812 B, 3.4 kB, 1.2 MB."""
    if math.isnan(value):
        return ""
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} GB"


def metric_label(name: str) -> str:
    """Formats the name of a metric: NDCG@10, recall@10, popularity lift@10."""
    base, at, cutoff = name.partition("@")
    label = base.upper() if base in _ACRONYMS else base.replace("_", " ")
    return f"{label}{at}{cutoff}"
