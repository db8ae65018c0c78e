"""Recommendations as tables on the console."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import rich.console

from tfmmrec.data.dataset import Dataset
from tfmmrec.models.run_file import read_run
from tfmmrec.reports.tables import Table
from tfmmrec.serving.search import item_texts

_MAX_USERS = 10
_MAX_TEXT = 60


def print_recommendations(
    run: Path, lines: Sequence[Mapping[str, Any]], console: rich.console.Console | None = None
) -> None:
    """Prints the items of the first users, with their first text.

    Args:
        run: the run folder that recommended.
        lines: from `recommend`.
        console: where to print (default stdout).
    """
    console = console or rich.console.Console()
    dataset = Dataset(Path(read_run(run)["data"]))
    shown = lines[:_MAX_USERS]
    texts = item_texts(dataset, sorted({item for line in shown for item in line["items"]}))
    for line in shown:
        rows = [
            [str(rank), f"{score:.4f}", item, _first_text(texts[item])]
            for rank, (item, score) in enumerate(
                zip(line["items"], line["scores"], strict=True), start=1
            )
        ]
        title = "" if line["user"] is None else f"user {line['user']}"
        console.print(
            Table(title, ["rank", "score", "item", "text"], rows, texts=["item", "text"]).to_rich()
        )
    if len(lines) > len(shown):
        console.print(f"and {len(lines) - len(shown)} more users; --out FILE writes all of them")


def _first_text(texts: Mapping[str, str]) -> str:
    text = " ".join(next(iter(texts.values()), "").split())
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "…"
