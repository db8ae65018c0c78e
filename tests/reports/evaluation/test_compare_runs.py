"""Runs side by side."""

import io
import json
import shutil

import numpy as np
import pytest
import rich.console

from tests.browser import CHROMIUM, said_by_a_browser
from tests.once import SMALL_TRAINING
from tfmmrec.cli import main
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.evaluation.rank_store import load_ranks
from tfmmrec.reports.evaluation.compare_runs import compare_runs, configs_of
from tfmmrec.reports.evaluation.console import print_comparison
from tfmmrec.reports.evaluation.evaluate_run import evaluate_run
from tfmmrec.training.train import train


@pytest.fixture(scope="module")
def runs(small, small_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    shutil.copytree(small_run, folder / "one")
    # The other of the two differs in its seed, which needs a training of its own.
    train(small.folder, folder / "two", TrainConfig(**SMALL_TRAINING, seed=1))
    return folder


def test_the_figures_are_those_of_evaluate_run(runs):
    pair = [runs / "one", runs / "two"]
    found = compare_runs(pair, quiet=True)
    # Both were evaluated on the way.
    metrics = [json.loads((run / "metrics.test.json").read_text()) for run in pair]
    for part in ("warm", "cold"):
        rows = [found[part]["runs"][str(run)] for run in pair]
        for row, own in zip(rows, metrics, strict=True):
            assert row["ndcg@10"]["mean"] == pytest.approx(own[part]["model"]["ndcg@10"])
        gap = rows[1]["ndcg@10"]["mean"] - rows[0]["ndcg@10"]["mean"]
        assert rows[1]["lead"]["mean"] == pytest.approx(gap)
        assert "lead" not in rows[0]
    out = io.StringIO()
    print_comparison(found, "test", configs_of(pair), rich.console.Console(file=out, width=250))
    told = " ".join(out.getvalue().split())
    assert "test, warm" in told
    # The seed, which is the only option that differs, in each of the runs.
    assert "Options that differ" in told and "seed 0 1" in told
    verdict = {"ahead": "is ahead of", "behind": "is behind"}.get(
        found["warm"]["runs"][str(pair[1])]["lead"]["verdict"], "does not clearly differ from"
    )
    assert f"Warm items: {pair[1]} {verdict} {pair[0]}: NDCG@10" in told


def test_a_page_of_curves(runs, tmp_path):
    pair = [runs / "one", runs / "two"]
    found = compare_runs(pair, report=tmp_path / "page.html", quiet=True)
    page = (tmp_path / "page.html").read_text()
    lead = found["warm"]["runs"][str(pair[1])]["lead"]
    assert f"p {lead['p']:.4f}" in page
    assert f"Warm items: {found['warm']['targets']} targets" in page
    assert page.count("by list length k") >= 4 and f"Learning curves of {pair[0]}" in page
    # Two lists for each of five users.
    for run in pair:
        assert page.count(f"<small>{run}</small>") == 5
    lists = load_ranks(pair[0], "test")["warm"].lists
    assert len(lists.items) == len(lists.users) > 0
    if CHROMIUM is not None:
        assert said_by_a_browser(tmp_path / "page.html", tmp_path / "page.png") == []


def test_the_command_prints_the_path_of_the_page(runs, tmp_path, capsys):
    page = tmp_path / "page.html"
    given = ["compare", str(runs / "one"), str(runs / "two"), "--report", str(page), "--quiet"]
    assert main(given) == 0
    assert capsys.readouterr().out.endswith(f"\n{page}\n")
    assert page.is_file()


def test_ranks_of_another_training_or_half_a_file_are_not_read(runs, tmp_path):
    evaluate_run(runs / "one", quiet=True)
    copy = shutil.copytree(runs / "one", tmp_path / "copy")
    ranks = load_ranks(copy, "test")
    assert ranks is not None and np.isfinite(ranks["warm"].rank).all()
    whole = (copy / "ranks.test.npz").read_bytes()
    (copy / "ranks.test.npz").write_bytes(whole[: len(whole) // 2])
    assert load_ranks(copy, "test") is None
    (copy / "ranks.test.npz").write_bytes(whole)
    (copy / "run.json").write_text((copy / "run.json").read_text() + " ")
    assert load_ranks(copy, "test") is None


def test_what_cannot_be_compared(runs, tmp_path):
    with pytest.raises(ConfigError, match="two runs or more, each once"):
        compare_runs([runs / "one", runs / "two" / ".." / "one"], quiet=True)
    with pytest.raises(ConfigError, match=r"^runs: give a list of run folders\. Received: 'R2'"):
        compare_runs("R2", quiet=True)
    with pytest.raises(DataError, match=f"{tmp_path}: not a run folder"):
        compare_runs([runs / "one", tmp_path], quiet=True)
    other = shutil.copytree(runs / "two", tmp_path / "other")
    told = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps({**told, "manifest_sha256": "x"}))
    with pytest.raises(DataError, match=f"{other}: the data in {told['data']} changed since"):
        compare_runs([runs / "one", other], quiet=True)
    moved = {**told, "data": "D2", "manifest_sha256": "x"}
    (other / "run.json").write_text(json.dumps(moved))
    with pytest.raises(DataError, match=f"{other}: trained on other data than"):
        compare_runs([runs / "one", other], quiet=True)
    (other / "run.json").write_text(json.dumps({**moved, "updated": {}}))
    for pair in ([runs / "one", other], [other, runs / "one"]):
        with pytest.raises(DataError) as caught:
            compare_runs(pair, quiet=True)
        assert str(caught.value) == (
            f"{other}: was updated to D2, while {runs / 'one'} has the data {told['data']}; "
            "compare it with a run that was trained on D2"
        )
