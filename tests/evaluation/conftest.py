"""A data folder of a few items with texts, a category and a year, two of them cold."""

from pathlib import Path

import pytest
import yaml

from tfmmrec.dataset import Dataset
from tfmmrec.packing import PackOptions, pack


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Dataset:
    folder = tmp_path_factory.mktemp("small")
    _write_tables(folder)
    content = {
        "items": {
            "table": "items.csv",
            "id": "id",
            "features": {
                "title": {"modality": "text"},
                "plot": {"modality": "text"},
                "genre": {"modality": "categorical"},
                "year": {"modality": "number"},
            },
        },
        "interactions": {"table": "log.csv", "user": "user", "item": "item", "time": "time"},
        "split": {"by": "last_out"},
        "cold_items": {"share": 0.2},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    pack(folder / "set.yaml", folder / "data", PackOptions(quiet=True))
    return Dataset(folder / "data")


def _write_tables(folder: Path) -> None:
    words = ("red", "green", "blue")
    rows = [
        # Item 5 has no title, item 6 no text at all.
        f"i{n},{'' if n in (5, 6) else words[n % 3]},{'' if n == 6 else words[n % 2]},{n % 2},{n}"
        for n in range(10)
    ]
    (folder / "items.csv").write_text("\n".join(["id,title,plot,genre,year", *rows]) + "\n")
    # Each user chooses six items in a row, from one that differs.
    events = [f"u{u},i{(u + n) % 10},{100 * u + n}" for u in range(20) for n in range(6)]
    (folder / "log.csv").write_text("\n".join(["user,item,time", *events]) + "\n")
