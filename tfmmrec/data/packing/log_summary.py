"""The lines that packing and checking print about the log: times, users, positives and repeats."""

from collections.abc import Mapping
from typing import Any

from tfmmrec.data.interactions import EventKinds
from tfmmrec.data.times.span import describe_times, hint_at_times

# The share of repeats from which it is said how to recommend them.
_MANY = 0.1


def log_lines(log: Mapping[str, Any]) -> list[str]:
    """Returns the lines.

    Args:
        log: the entry of the interactions in statistics.json.
    """
    lines = []
    if "times" in log and log["times"] is None:
        lines.append(
            "no times: the order of a user's events is arbitrary, and so is the last one; "
            "interactions.time names their column"
        )
    if times := log.get("times"):
        lines.append(describe_times(times))
        if hint := hint_at_times(times):
            lines.append(f"hint: {hint}")
    if unlisted := log.get("unlisted_users"):
        similar = unlisted["similar"]
        hint = f"; {similar[0]!r} resembles {similar[1]!r}, ids must be equal" if similar else ""
        lines.append(
            f"users: {unlisted['count']} in the log are not in the user table, and have no "
            f"features{hint}"
        )
    if unknown := log.get("unknown_positives"):
        lines.append(
            f"positives: {unknown} of {log['count']} events do not count as positives because a "
            "value that the rule needs is missing"
        )
    if kinds := log.get("kinds"):
        lines += _kind_lines(kinds)
    repeats = {split: log[f"{split}_repeats"] for split in ("valid", "test")}
    if any(repeats.values()):
        counts = " and ".join(
            f"{n} of {log[split]} in {split}" for split, n in repeats.items() if n
        )
        lines.append(f"repeats: {counts} are items that the user chose before; {_advice(log)}")
    return lines


def _advice(log: Mapping[str, Any]) -> str:
    """What is done with repeats; a log with many of them may be one in which they matter."""
    if log.get("allows_repeats"):
        return "they are evaluated and recommended (interactions.repeats: allow)"
    if any(log[f"{split}_repeats"] > _MANY * log[split] for split in ("valid", "test")):
        return (
            "they are not evaluated and never recommended; if users want again what they chose "
            "(songs, groceries), set interactions.repeats: allow"
        )
    return "they are not evaluated"


def _kind_lines(kinds: Mapping[str, Any]) -> list[str]:
    """The events of each kind, and what is evaluated if positives differ in their weights."""
    each = [f"{kind['count']} {name} (weight {kind['weight']:g})" for name, kind in kinds.items()]
    lines = [f"kinds: {', '.join(each)}"]
    weights = EventKinds({name: kind["weight"] for name, kind in kinds.items()})
    if weights.are_weighted:
        targets = " and ".join(weights.target_names)
        lines.append(
            f"targets of valid and test: {targets}, the largest weight; the other positives are "
            "in histories and in training"
        )
    return lines
