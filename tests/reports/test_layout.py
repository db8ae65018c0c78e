"""How pages are laid out, on a monitor and on a telephone, light and dark."""

from pathlib import Path

import bokeh.plotting
import numpy as np
import PIL.Image
import pytest

from tests.browser import measured_by_a_browser, needs_chromium, said_by_a_browser
from tfmmrec.reports.bokeh import drawings
from tfmmrec.reports.evaluation import plots
from tfmmrec.reports.html import render
from tfmmrec.reports.svg_charts import draw
from tfmmrec.reports.tables import Histogram, Table

MODELS = ["model", "popularity", "recent popularity (0.2)", "item-kNN (20)"]
# The widths of the cells of row names and of a number, and what sticks out of the window.
MEASURE = """{
    names: [...document.querySelectorAll('td.text')].map(cell => cell.clientWidth),
    lines: Math.max(...[...document.querySelectorAll('td.text')].map(cell => cell.clientHeight)),
    overflow: document.documentElement.scrollWidth - innerWidth}"""


def page(path: Path) -> Path:
    """A comparison with metrics of five categorical features, as wide as tables get."""
    features = ["genres", "director", "country", "language", "production_company"]
    columns = ["", "coverage@10", "gini@10", *(f"miscalibration {name}@10" for name in features)]
    rows = [[name, *["0.123 [0.100, 0.146]"] * (len(columns) - 1)] for name in MODELS]
    intervals = {name: (0.3, 0.2, 0.4) for name in MODELS}
    scripts, drawn = drawings({"models": plots.models(intervals, "NDCG@10")})
    table = Table("Warm items", columns, rows)
    shared = {"command": "compare", "name": "runs", "verdict": "even", "verdicts": [], "users": []}
    path.write_text(
        render(
            "comparison.html",
            **shared,
            options=Table("Options", ["option"], []),
            tables=[table],
            scripts=scripts,
            plots=drawn,
        )
    )
    return path


@needs_chromium
@pytest.mark.parametrize("width", [1400, 390])
def test_a_wide_table_scrolls_and_its_row_names_stay_words(width: int, tmp_path: Path) -> None:
    found = measured_by_a_browser(
        page(tmp_path / "page.html"), tmp_path / "picture.png", MEASURE, width=width
    )
    assert found["overflow"] == 0
    assert len(found["names"]) == len(MODELS)
    # "popularity" is a word of 70 pixels; a name has at most three words, so three lines.
    assert min(found["names"]) >= 70
    assert found["lines"] <= 3 * 24 + 10


@needs_chromium
def test_plots_take_the_color_of_the_page(tmp_path: Path) -> None:
    path = page(tmp_path / "page.html")
    for dark in (False, True):
        picture = tmp_path / f"picture {dark}.png"
        assert said_by_a_browser(path, picture, height=1000, dark=dark) == []
        pixels = np.asarray(PIL.Image.open(picture).convert("L"), int)
        # Light pages have no dark areas, and dark pages no white ones, such as a plot's ground.
        share = (pixels > 200).mean()
        assert share < 0.02 if dark else share > 0.9


def test_slices_and_models_with_their_intervals() -> None:
    plot = plots.models({"model": (0.2, 0.1, 0.3), "EASE": (0.4, 0.35, 0.45)}, "NDCG@10")
    assert isinstance(plot, bokeh.plotting.figure)
    data = plot.renderers[1].data_source.data
    # From the bottom to the top.
    assert data["y"] == ["model", "EASE"] and list(data["x"]) == [0.2, 0.4]
    assert list(data["low"]) == [0.1, 0.35] and list(data["high"]) == [0.3, 0.45]
    assert data["color"][0] != data["color"][1]


def test_one_bin_has_one_label() -> None:
    labels = ["32 kB", "33 kB"]
    assert draw(Histogram("sizes", labels, {"files": [7]})).count("32 kB</text>") == 1
    both = draw(Histogram("sizes", [*labels, "34 kB"], {"files": [7, 1]}))
    assert all(both.count(f"{label}</text>") == 1 for label in (*labels, "34 kB"))
