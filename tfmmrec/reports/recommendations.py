"""Recommendations and results of a search as tables on the console, and as JSON lines."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import rich.console

from tfmmrec.data.dataset import Dataset
from tfmmrec.models.run_file import read_run
from tfmmrec.reports.tables import Table
from tfmmrec.reports.wide_console import wide_console
from tfmmrec.serving.search import item_texts

# The users whose tables are printed.
MAX_USERS = 10
_MAX_TEXT = 60
# Lines whose texts are read together.
_LINES = 1000
# Of an item's texts, in the order of the dataset file: the title and one more.
_MAX_FEATURES = 2


def print_recommendations(
    run: Path,
    lines: Sequence[Mapping[str, Any]],
    console: rich.console.Console | None = None,
    *,
    num_users: int | None = None,
) -> None:
    """Prints the items of the first MAX_USERS users, with their first text.

    Args:
        run: the run folder that recommended.
        lines: from `recommend`; those of the first users are enough.
        console: where to print (default stdout).
        num_users: number of all users (default: of the lines).
    """
    console = console or wide_console()
    shown = lines[:MAX_USERS]
    texts = _texts(run, shown)
    for line in shown:
        rows = [
            [str(rank), f"{score:.4f}", item, _shortened(_first_text(texts[item]))]
            for rank, (item, score) in enumerate(
                zip(line["items"], line["scores"], strict=True), start=1
            )
        ]
        title = "" if line["user"] is None else f"user {line['user']}"
        console.print(
            Table(title, ["rank", "score", "item", "text"], rows, texts=["item", "text"]).to_rich()
        )
    num_users = len(lines) if num_users is None else num_users
    if num_users > len(shown):
        console.print(f"and {num_users - len(shown)} more users; --out FILE writes all of them")


def recommendation_lines(run: Path, lines: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yields the recommendations as JSON lines with `titles`, the first text of each item.

    Items without any text have no titles. Few lines are read ahead, and in memory, at a time.

    Args:
        run: the run folder that recommended.
        lines: from `recommend` or `recommend_lines`.
    """
    rest = iter(lines)
    while batch := list(itertools.islice(rest, _LINES)):
        texts = _texts(run, batch)
        has_titles = any(texts.values())
        for line in batch:
            titles = [_first_text(texts[item]) for item in line["items"]]
            more = {"titles": titles} if has_titles else {}
            yield json.dumps({**line, **more}, ensure_ascii=False)


def print_found(
    found: Sequence[Mapping[str, Any]], console: rich.console.Console | None = None
) -> None:
    """Prints the results of a search, with the first texts of each item.

    Args:
        found: from `search`.
        console: where to print (default stdout).
    """
    features = list(dict.fromkeys(name for each in found for name in each["texts"]))[:_MAX_FEATURES]
    rows = [
        [
            str(rank),
            f"{each['score']:.4f}",
            each["item"],
            *(_shortened(each["texts"].get(name, "")) for name in features),
        ]
        for rank, each in enumerate(found, start=1)
    ]
    texts = ["item", *features]
    table = Table("", ["rank", "score", *texts], rows, texts=texts)
    console = console or wide_console()
    console.print(table.to_rich())
    console.print("A score of 1 is the same content.", highlight=False)


def _texts(run: Path, lines: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    dataset = Dataset(Path(read_run(run)["data"]))
    return item_texts(dataset, sorted({item for line in lines for item in line["items"]}))


def _first_text(texts: Mapping[str, str]) -> str:
    return next(iter(texts.values()), "")


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "…"
