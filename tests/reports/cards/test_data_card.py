"""What a data card says of a data folder, by hand."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.interactions import Interactions
from tfmmrec.data.storage import MANIFEST, checksum
from tfmmrec.reports.cards.data_card import render_data_card, write_data_card
from tfmmrec.reports.cards.data_facts import imbalances, on_most_popular, positive_rule, split_rule


def events(rows: list[tuple[int, int, float, bool]]) -> Interactions:
    """Events of a user, an item, a rating and whether they are a choice."""
    user, item, rating, positive = (np.array(column) for column in zip(*rows, strict=True))
    nothing = np.zeros(len(rows), np.int64)
    return Interactions(
        user=user,
        item=item,
        time=nothing,
        rating=rating,
        positive=positive,
        order=nothing,
        part=nothing,
    )


def rows_of_tables(card: str) -> list[list[str]]:
    lines = [line for line in card.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_the_most_popular_items():
    counts = np.array([1, 6, 1, 2])
    assert on_most_popular(counts, 0.01) == 0.6  # one item at least
    assert on_most_popular(counts, 0.3) == 0.8  # 1.2 items are two


def test_imbalances_are_of_positives():
    train = events([(0, 0, 5, True)] * 5 + [(1, 1, 1, False)])
    told = imbalances([train, events([(1, 2, 4, True)])], 4, 3)
    assert told == [
        "The most popular 1% of the items have 83% of the positives.",  # 5 of 6
        "The most popular 10% of the items have 83% of the positives.",
        "2 of 4 items (50%) have no positive.",
        "2 of 3 users (67%) have fewer than 5 positives.",
    ]


def test_without_positives_nothing_is_popular():
    assert (
        imbalances([events([(0, 0, 1, False)])], 1, 1)[0] == "1 of 1 items (100%) have no positive."
    )


def test_what_is_a_choice_as_ratings_show_it():
    nan = float("nan")
    rows = [
        (0, 0, 5, True),
        (0, 1, 4, True),
        (0, 2, 3, False),
        (0, 3, 1, False),
        (0, 4, nan, False),
    ]
    assert positive_rule([events(rows)]) == [
        "2 of 5 events are positives.",
        "Ratings of positives: 4 to 5.",
        "Ratings of other events: 1 to 3.",
    ]
    assert positive_rule([events(rows[:2])]) == ["Every event is a positive."]


def test_the_card_of_a_folder(small):
    card = render_data_card(small)
    assert "10 items, 20 users, 120 interactions" in card
    assert "2 cold items and 0 cold users" in card
    rows = rows_of_tables(card)
    assert ["title", "text", "2", "20%", ""] in rows  # items 5 and 6 have none
    assert ["plot", "text", "1", "10%", ""] in rows
    counts = {
        split: small.statistics["interactions"][split] for split in ("train", "valid", "test")
    }
    for split, count in counts.items():
        [row] = [row for row in rows if row[0] == split]
        # Of 10 x 20 pairs.
        assert row[1] == f"{count}" and row[5] == f"{count / 200:.3%}"
    assert checksum(small.folder / MANIFEST) in card
    assert "Users have no features." in card
    assert not re.search(r"\bnan\b", card, re.IGNORECASE)


def test_what_was_last_is_seen_to_be(small):
    test = small.events("test")
    users = len(np.unique(test.user[~small.cold_items[test.item]]))
    first, second, later = split_rule(small)
    assert first.endswith(f"each of {users} known users: 1.")
    assert second.startswith(f"For {users} of these users, all of them are later")
    assert later.startswith("9") and "may be the future of another" in later


@pytest.fixture
def folder(small, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small.folder, tmp_path / "data"))


def test_rejects_and_names_break_no_table(folder):
    reasons = ["no | number: 'x'", "no | number: 'y'", "not\nthere"]
    lines = [
        {"table": "a|b.csv", "row": n, "field": "<b>", "reason": r} for n, r in enumerate(reasons)
    ]
    (folder / "rejects.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    statistics = json.loads((folder / "statistics.json").read_text())
    statistics["rejects"] = {"count": 3, "share": 0.025, "fields": {}}
    (folder / "statistics.json").write_text(json.dumps(statistics))
    schema = (folder / "schema.json").read_text().replace('"set"', '"s|t\\n<!-- /tfmmrec -->"')
    (folder / "schema.json").write_text(schema)
    write_data_card(folder, Dataset(folder))
    card = (folder / "data_card.md").read_text()
    assert card.startswith("# Data card: s\\|t &lt;!-- /tfmmrec -->\n")
    assert "3 rows or values, 2.50% of the rows read" in card
    rows = rows_of_tables(card)
    assert [r"a\|b.csv", "&lt;b>", r"no \| number", "2"] in rows
    assert [r"a\|b.csv", "&lt;b>", "not there", "1"] in rows


def test_what_the_owner_wrote_stays(small, tmp_path, capsys):
    assert write_data_card(tmp_path, small)
    path = tmp_path / "data_card.md"
    owned = path.read_text().replace("*to be filled in by the owner*", "CC0", 1)
    path.write_text(owned)
    assert write_data_card(tmp_path, small)
    assert path.read_text() == owned
    path.write_text("All mine\n")
    assert not write_data_card(tmp_path, small)
    assert path.read_text() == "All mine\n" and "left as it is" in capsys.readouterr().err
