"""Remarks on data that is valid but unusual."""

from pathlib import Path

import pytest
import yaml

from tfmmrec.config.data_validation import CheckConfig
from tfmmrec.config.packing import PackConfig
from tfmmrec.data.packing import pack
from tfmmrec.reports.data_validation.remarks import remarks
from tfmmrec.reports.data_validation.validate import check, examine

QUIET = CheckConfig(quiet=True)


@pytest.fixture(scope="module")
def odd(tmp_path_factory) -> Path:
    """Twenty items, half of them without events, with two texts that say little."""
    folder = tmp_path_factory.mktemp("odd")
    # Two titles are NA; one language; four items have a year, and 1990 is that of all four.
    rows = [f"i{n},{'NA' if n < 2 else f'T{n}'},en,{1990 if n < 4 else ''}" for n in range(20)]
    (folder / "items.csv").write_text("\n".join(["id,title,language,year", *rows]) + "\n")
    # u0 to u7 choose three items each, u8 and u9 one, all within some minutes of the year 2023.
    events = [(f"u{u}", f"i{(u + n) % 10}") for u in range(10) for n in range(3 if u < 8 else 1)]
    log = [f"{user},{item},{1_700_000_000 + n}" for n, (user, item) in enumerate(events)]
    (folder / "log.csv").write_text("\n".join(["user,item,time", *log]) + "\n")
    features = {
        "title": {"modality": "text"},
        "language": {"modality": "text"},
        "year": {"modality": "number"},
    }
    content = {
        "items": {"table": "items.csv", "id": "id", "features": features},
        "interactions": {"table": "log.csv", "user": "user", "item": "item", "time": "time"},
        "split": {"by": "last_out"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    return folder / "data"


EXPECTED = [
    "items.title: values that look like marks of missing values: 'NA' 2; if they are, list them "
    "under missing of the table in the dataset file",
    "items.language: all 20 values are the same (en); the feature cannot tell items apart",
    "items.year: 16 of 20 (80%) have no value",
    "items.year: all 4 values are the same (1990)",
    "items: 10 of 20 (50%) have no event; only content ranks them",
    "users: 2 of 10 (20%) have a single event; nothing comes before it to predict it from",
]


def test_unusual_values_and_events_are_remarked(odd):
    found = remarks(examine(odd, QUIET))
    assert found[: len(EXPECTED)] == EXPECTED
    assert "hint: the log covers less than a day; if" in "\n".join(found[len(EXPECTED) :])


def test_rejected_values_are_those_of_packing(packed):
    found = remarks(examine(packed, QUIET))
    assert "items.poster: 3 of 5 (60%) have no value" in found
    (rejected,) = [line for line in found if line.startswith("items.poster: first reject: ")]
    assert "broken.png" in rejected
    assert not [line for line in found if line.startswith(("items.title", "items.genres"))]


def test_remarks_are_printed_and_on_the_page(odd, tmp_path, capsys):
    check(odd, CheckConfig(report=tmp_path / "page.html"))
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("Remarks")
    assert lines[start + 1 : start + 1 + len(EXPECTED)] == [f"- {line}" for line in EXPECTED]
    assert lines[-1] == str(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h2>Remarks</h2>" in page and f"<li>{EXPECTED[2]}</li>" in page


def test_a_folder_with_anomalies_has_no_remarks(data):
    (data / "extra.txt").write_text("not in the manifest")
    assert remarks(examine(data, QUIET)) == []
