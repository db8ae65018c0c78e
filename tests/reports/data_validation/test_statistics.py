"""Tests of statistics against counts worked out by hand for the catalog of conftest.py."""

import numpy as np
import pytest

from tfmmrec.config.data_validation import CheckConfig
from tfmmrec.reports.data_validation.console import all_tables
from tfmmrec.reports.data_validation.findings import Findings
from tfmmrec.reports.data_validation.interaction_statistics import date
from tfmmrec.reports.data_validation.quantile_sketch import Distribution
from tfmmrec.reports.data_validation.rejects import reason_group
from tfmmrec.reports.data_validation.validate import check, examine
from tfmmrec.reports.number_format import number, share, size
from tfmmrec.reports.tables import Bars, Histogram

QUIET = CheckConfig(quiet=True)


@pytest.fixture(scope="module")
def findings(packed) -> Findings:
    return examine(packed, QUIET)


def rows(findings: Findings, title: str) -> dict[str, list[str]]:
    """The rows of one table by their first cell."""
    (table,) = [table for table in all_tables(findings) if table.title == title]
    assert all(len(row) == len(table.columns) for row in table.rows)
    return {row[0]: list(row[1:]) for row in table.rows}


def test_interactions(findings):
    # Five items times three users are 15 cells; day 86400 is the second of January 1970.
    assert rows(findings, "Interactions") == {
        "train": [
            *("5", "4", "3", "3", "33.333%", "1970-01-02", "1970-01-04"),
            "1: 1, 4: 1, 5: 3",
        ],
        "valid": ["1", "1", "1", "1", "6.667%", "1970-01-05", "1970-01-05", "4: 1"],
        "test": ["1", "1", "1", "1", "6.667%", "1970-01-06", "1970-01-06", "5: 1"],
    }
    # Users: 5, 1, 1. Items: a 2, b 1, c 2, d 1, f 1.
    assert rows(findings, "Events per user and item") == {
        "per user": ["1", "1", "1", "3", "5", "0", "0"],
        "per item": ["1", "1", "1", "2", "2", "0", "0"],
    }


def test_features(findings):
    assert rows(findings, "Features of items") == {
        # The picture of d and the year of f are rejected.
        "title": ["text", "4 of 5", "80%", "1", "0"],
        "poster": ["image", "2 of 5", "40%", "2", "1"],
        "theme": ["audio", "2 of 5", "40%", "3", "0"],
        "genres": ["categorical", "4 of 5", "80%", "1", "0"],
        "year": ["number", "3 of 5", "60%", "1", "1"],
    }
    # Один 4, <script>alert(1)</script> 25, Four 4, Seven 5.
    assert rows(findings, "Texts, in characters (items)") == {
        "title": ["4", "4", "4.5", "10", "25"]
    }
    assert rows(findings, "Numbers (items)") == {"year": ["1980", "1985", "1990", "1995", "2000"]}
    assert rows(findings, "Categories (items)") == {
        "genres": ["3", "2", "Drama 4, Comedy 1, War 1"]
    }
    pictures = rows(findings, "Pictures (width, height and format of a sample) (items)")
    assert pictures["poster"][-4:] == ["400 x 300"] * 3 + ["PNG 2"]
    # 4000 samples of 2 bytes at 8000 Hz, behind 44 bytes of header.
    assert rows(findings, "Sounds (seconds and format of a sample) (items)") == {
        "theme": [*["8.04 kB"] * 5, "0.5", "0.5", "0.5", "WAV 2"]
    }
    assert rows(findings, "Features of users") == {"age": ["number", "1 of 3", "33%", "2", "0"]}


def test_what_items_have_together(findings):
    # The catalogue's file sorts its keys: genres, poster, theme, title, year.
    assert rows(findings, "Combinations of modalities (items)") == {
        "categorical + image + audio + text + number": ["1", "20%"],
        "categorical + image + text + number, no audio": ["1", "20%"],
        "categorical + text + number, no image, no audio": ["1", "20%"],
        "categorical + audio + text, no image, no number": ["1", "20%"],
        "no categorical, no image, no audio, no text, no number": ["1", "20%"],
    }


def test_rejects(findings):
    (table,) = findings.rejects.tables()
    assert sorted((*row[:3], row[4]) for row in table.rows) == [
        ("items.csv", "id", "duplicate id", "1"),
        ("items.csv", "poster", "not a picture that can be decoded", "1"),
        ("items.csv", "year", "not a number", "1"),
        ("log.csv", "item", "unknown item", "1"),
    ]
    assert "row 8: unknown item 'zz'" in [row[3] for row in table.rows]


@pytest.mark.parametrize(
    ("reason", "group"),
    [
        ("duplicate id '003'", "duplicate id"),
        ("not a number: 'soon'", "not a number"),
        ("posters/1.png: the file is empty", "the file is empty"),
        ("the id is missing", "the id is missing"),
    ],
)
def test_reasons_are_grouped_without_their_values(reason, group):
    assert reason_group(reason) == group


def test_charts(findings):
    charts = {chart.title: chart for chart in findings.events.charts()}
    timeline = charts["Events over time"]
    assert isinstance(timeline, Histogram)
    assert {name: sum(counts) for name, counts in timeline.series.items()} == {
        "train": 5,
        "valid": 1,
        "test": 1,
    }
    assert (timeline.labels[0], timeline.labels[-1]) == ("1970-01-02", "1970-01-06")
    items = {chart.title: chart for chart in findings.entities[0].charts()}
    genres = items["items.genres: the most frequent categories"]
    assert genres == Bars(genres.title, [("Drama", 4), ("Comedy", 1), ("War", 1)])
    assert sum(items["items.year: value"].series[""]) == 3


def test_a_distribution_is_exact_below_its_limit_and_near_it_beyond():
    exact = Distribution()
    exact.add([3.0, np.nan, 1.0])
    exact.add([2.0, 5.0, 4.0])
    assert exact.five() == (1, 2, 3, 4, 5)
    assert exact.histogram(np.array([1, 3, 5])) == [2, 3]
    sampled = Distribution(limit=1000)
    for start in range(0, 100_000, 500):
        sampled.add(np.arange(start, start + 500))
    assert len(sampled.sample()) == 1000
    minimum, _, median, _, most = sampled.five()
    assert (sampled.count, minimum, most) == (100_000, 0, 99_999)
    # The median of 1000 of them has a standard deviation of 0.5 / sqrt(1000) = 1.6 percent.
    assert abs(median - 50_000) < 8_000
    assert sum(sampled.histogram(sampled.edges())) == pytest.approx(100_000)


def test_a_distribution_of_nothing_of_one_value_and_with_a_long_tail():
    empty, single, tail = Distribution(), Distribution(), Distribution()
    assert empty.count == 0 and np.isnan(empty.five()).all()
    assert empty.histogram(empty.edges()) == [0.0]
    single.add([7, 7])
    assert single.histogram(single.edges()) == [2]
    tail.add([1] * 9 + [1000])
    edges = tail.edges(3)
    # A ratio of ten a bin.
    assert edges == pytest.approx([1, 10, 100, 1000])
    assert tail.histogram(edges) == [9, 0, 1]


def test_bins_of_whole_numbers_begin_at_whole_numbers():
    years = Distribution()
    years.add([1960, 1961, 1970])
    # Eleven years in at most five bins: three years a bin, four bins.
    assert years.edges(5).tolist() == [1960, 1963, 1966, 1969, 1972]
    assert years.histogram(years.edges(5)) == [2, 0, 0, 1]
    halves = Distribution()
    halves.add([0.5, 1.0, 2.5])
    assert halves.edges(2).tolist() == [0.5, 1.5, 2.5]


def test_how_numbers_are_written():
    assert [number(value) for value in (3.0, 0.12345, 1e20, np.nan)] == ["3", "0.1235", "1e+20", ""]
    assert [size(value) for value in (12, 3400, 1_230_000, 5e9)] == [
        *("12 B", "3.4 kB", "1.23 MB", "5 GB"),
    ]
    assert [share(1, 3), share(0, 0), share(3, 3)] == ["33%", "0%", "100%"]
    assert [share(1999, 2000), share(1, 2000)] == ["99.95%", "0.05%"]
    # 1e18 ms are some 32 million years, beyond what datetime knows.
    assert date(0) == "1970-01-01" and len(date(1e18)) > 10 and date(np.nan) == ""


def test_quiet_prints_the_verdict_alone(packed, capsys):
    check(packed, QUIET)
    # All files but the manifest itself.
    num_files = sum(path.is_file() for path in packed.rglob("*")) - 1
    assert capsys.readouterr().out == (
        f"{packed}: valid; {num_files} files match the manifest, the records match the schema\n"
    )
    check(packed, CheckConfig())
    assert "Features of items" in capsys.readouterr().out
