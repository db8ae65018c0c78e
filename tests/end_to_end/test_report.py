"""The page of an evaluation, and how it looks in a browser."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from tests.browser import needs_chromium, said_by_a_browser
from tfmmrec.errors import DataError
from tfmmrec.reports.evaluation.evaluate_run import evaluate_run


@pytest.fixture(scope="module")
def told(evaluated: Path) -> tuple[dict, Path]:
    metrics = json.loads((evaluated / "run" / "metrics.test.json").read_text())
    return metrics, evaluated / "there is none yet" / "report.html"


def test_it_holds_what_was_measured(told: tuple[dict, Path]) -> None:
    result, path = told
    page = path.read_text()
    assert result["verdict"] in page.replace("&lt;", "<")
    assert f"{result['warm']['model']['ndcg@10']:.3f}" in page
    assert "by popularity of the item" in page
    # Ten users with ten answers each, pictures and sounds among them.
    assert page.count('<div class="tile hit">') + page.count('<div class="tile">') > 100
    assert page.count("<audio controls") >= 50
    # What of each score is which modality.
    assert page.count('<div class="attribution">') == 100
    assert not re.search(r"""(src|href)=["'](?!data:)""", page.rpartition("</head>")[2])


def test_verdicts_and_users_come_first(told: tuple[dict, Path]) -> None:
    page = told[1].read_text().rpartition("</head>")[2]
    parts = ["Warm items:", "Users and their", "Compared with baselines", "all metrics", "Plots:"]
    places = [page.index(part) for part in parts]
    assert places == sorted(places)
    # Items of histories have their sounds too.
    history, _, _ = page.partition("recommended items")
    assert "<audio controls" in history


def test_the_figures_agree(told: tuple[dict, Path]) -> None:
    warm = told[0]["warm"]
    low, high = warm["intervals"]["model"]["ndcg@10"]
    assert low < warm["model"]["ndcg@10"] < high
    lead = warm["lead"]
    gap = warm["model"]["ndcg@10"] - warm[lead["baseline"]]["ndcg@10"]
    assert lead["mean"] == pytest.approx(gap)
    classes = [s for s in warm["slices"] if s["group"] == "popularity of the item"]
    assert sum(s["targets"] for s in classes) == warm["targets"]
    parts = sum(s["targets"] * s["mean"] for s in classes) / warm["targets"]
    assert parts == pytest.approx(warm["model"]["ndcg@10"])
    # Chance names all items alike, popularity the same ones to all.
    lists = warm["lists"]
    assert lists["random"]["coverage@10"] > 0.9 > lists["popularity"]["coverage@10"]
    assert lists["random"]["gini@10"] < lists["popularity"]["gini@10"]
    assert lists["random"]["novelty@10"] > lists["popularity"]["novelty@10"]


@needs_chromium
def test_a_browser_draws_it_and_asks_for_nothing(told: tuple[dict, Path], tmp_path: Path) -> None:
    opened = tmp_path / "opened.html"
    opened.write_text(told[1].read_text().replace("<details>", "<details open>"))
    assert said_by_a_browser(opened, tmp_path / "page.png", height=9000) == []
    picture = np.asarray(PIL.Image.open(tmp_path / "page.png").convert("RGB"), int)
    for colour in ((31, 119, 180), (255, 127, 14)):  # of the first two lines of plots
        assert (np.abs(picture - colour).max(axis=2) < 8).sum() > 300
    # A request is against the page's policy, and the console would tell of it.
    asking = tmp_path / "asking.html"
    asking.write_text(told[1].read_text() + '<img src="http://localhost/picture.png">')
    [line] = said_by_a_browser(asking, tmp_path / "asking.png")
    assert "Content Security Policy" in line


def test_a_page_that_cannot_be_written(small_run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = shutil.copytree(small_run, tmp_path / "run")
    with pytest.raises(DataError, match=r"file/report\.html: cannot be written"):
        evaluate_run(run, report=tmp_path / "file" / "report.html", quiet=True)
