"""The lines that packing prints: the rows and values of each table and feature."""

from collections.abc import Mapping
from typing import Any

from tfmmrec.data.interactions import SPLITS
from tfmmrec.modalities import Modality

_COLUMNS = ("", "rows", "present", "missing", "rejected")


def noun(modality: Modality) -> str:
    """Returns what a value of a modality is called in messages."""
    nouns = {"image": "picture", "audio": "sound", "video": "video"}
    return nouns.get(modality.kind, "value")


def losses(feature: Mapping[str, Any]) -> str:
    """Describes the missing files and the rejects of a feature; "" if there are none.

    Args:
        feature: the entry of the feature in statistics.json.
    """
    parts = []
    if found := feature.get("not_found"):
        names = "names a file that is" if found["rows"] == 1 else "name a file that is"
        hint = f"; {found['hint']}" if "hint" in found else ""
        parts.append(f"{found['rows']} {names} not there; first: {found['first']}{hint}")
    if found := feature.get("backslashes"):
        parts.append(
            f"the backslashes in {found['rows']} paths are read as slashes; first: {found['first']}"
        )
    if found := feature.get("rounded"):
        parts.append(f"{found} whole numbers above 16,777,216 are rounded to 24 bits")
    if found := feature.get("first_reject"):
        parts.append(f"first reject: {found}")
    return "; ".join(parts)


def quote_hint(reject: str) -> str:
    """Returns the end of a message on rows that are rejected for their quotes; "" for others.

    Args:
        reject: the first reject of the table, as `Rejects.first` says it.
    """
    if "quote" not in reject or "give escape" in reject:
        return ""
    return (
        '; if quotes are part of values, add quote: "" to the table in the dataset file, or '
        'escape: "\\\\" if backslashes precede them'
    )


def summary_lines(out: object, statistics: Mapping[str, Any]) -> list[str]:
    """Returns the summary of a packed data folder, a line per table, feature and split.

    Args:
        out: the data folder.
        statistics: the content of statistics.json.
    """
    counts = {name: statistics[name]["count"] for name in ("items", "users", "interactions")}
    counted = ", ".join(f"{count} {name}" for name, count in counts.items())
    num_rejects = statistics["rejects"]["count"]
    rejects = f"{num_rejects} rejects" + ("; rejects.jsonl has them all" if num_rejects else "")
    rows: list[tuple[str, ...]] = [_COLUMNS]
    remarks = [""]
    for table in ("items", "users", "interactions"):
        read = statistics[table].get("rows")
        if read is None:
            continue
        kept = read["read"] - read["rejected"]
        rows.append((table, f"{read['read']}", f"{kept}", "", f"{read['rejected']}"))
        first = read["first_reject"] if read["rejected"] else ""
        remarks.append(f"first reject: {first}{quote_hint(first)}" if first else "")
        for name, feature in statistics[table].get("features", {}).items():
            numbers = (kept, feature["present"], feature["missing"], feature["rejected"])
            rows.append((f"  {name}", *map(str, numbers)))
            remarks.append(losses(feature))
    log = statistics["interactions"]
    for part in (*SPLITS, "positives"):
        rows.append((f"  {part}", "", f"{log[part]}", "", ""))
        remarks.append("")
    return [f"{out}: {counted}; {rejects}", *_aligned(rows, remarks)]


def _aligned(rows: list[tuple[str, ...]], remarks: list[str]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row, remark in zip(rows, remarks, strict=True):
        cells = [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]
        lines.append("  ".join([*cells, remark]).rstrip())
    return lines
