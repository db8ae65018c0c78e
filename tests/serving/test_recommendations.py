"""Recommendations in blocks of users and items, and the file that they are written to."""

import errno
import functools
import itertools
import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests.once import SMALL_TRAINING
from tfmmrec.cli import main
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.models.bundle import build_bundle
from tfmmrec.models.run_folder import save_run
from tfmmrec.serving import batch_ranker, batch_recommend
from tfmmrec.serving.batch_recommend import recommend, recommend_lines


@pytest.fixture(scope="module", autouse=True)
def _runs_are_loaded_once():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_recommend, "load_run", functools.cache(batch_recommend.load_run))
        yield


def in_blocks(patch: pytest.MonkeyPatch) -> None:
    """Seven users at a time, in blocks of the catalog if scores are products; else one user."""
    patch.setattr(batch_ranker, "_MAX_SCORES", 1)
    patch.setattr(batch_ranker, "QUERIES", 7)


def assert_same(found: list[dict], expected: list[dict]) -> None:
    assert [line["user"] for line in found] == [line["user"] for line in expected]
    assert [line["items"] for line in found] == [line["items"] for line in expected]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours["scores"], theirs["scores"], rtol=1e-5)


@pytest.fixture(scope="module")
def late_run(small, tmp_path_factory) -> Path:
    """A run with fresh weights and two scores by text; item 6 has no text and no score."""
    options = {"features": ["title", "plot"], "id_embedding": False, "fusion": {"kind": "late"}}
    return untrained(small, tmp_path_factory.mktemp("late"), **options)


@pytest.fixture(scope="module")
def click_run(small, tmp_path_factory) -> Path:
    """A run with fresh weights, whose scores are no products of embeddings."""
    return untrained(small, tmp_path_factory.mktemp("click"), task="click")


def untrained(small: Dataset, out: Path, **options) -> Path:
    save_run(out, build_bundle(small, TrainConfig(**{**SMALL_TRAINING, **options})), {})
    return out


@pytest.mark.parametrize("run", ["small_run", "late_run", "click_run"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        # The whole catalog, of which each user has seen some.
        {"k": 10},
        {"k": 3, "split": "test", "exclude": ["i1", "i2"]},
        {"k": 10, "where": ["genre=1"], "users": ["u3", "nobody", "u3"]},
        {"candidates": "some.txt", "k": 4},
    ],
)
def test_blocks_change_nothing(run, options, request, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some.txt").write_text("i1\ni7\ni8\n")
    folder = request.getfixturevalue(run)
    expected = recommend(folder, quiet=True, **options)
    assert any(line["items"] for line in expected)
    in_blocks(monkeypatch)
    assert_same(recommend(folder, quiet=True, **options), expected)


def test_lists_longer_than_a_merge_are_ranked_whole(small_run, monkeypatch):
    expected = recommend(small_run, k=5, quiet=True)
    in_blocks(monkeypatch)
    monkeypatch.setattr(batch_ranker, "_MAX_K", 4)
    assert_same(recommend(small_run, k=5, quiet=True), expected)


def test_lines_are_computed_as_they_are_read(small_run, monkeypatch, tmp_path):
    in_blocks(monkeypatch)
    batches = []
    read = batch_ranker.BatchRanker.rank
    monkeypatch.setattr(
        batch_ranker.BatchRanker,
        "rank",
        lambda self, given: read(self, (batches.append(len(own[1])) or own for own in given)),
    )
    lines = recommend_lines(small_run, k=2, quiet=True)
    assert (len(lines), batches) == (20, [])
    expected = list(lines)
    assert batches == [7, 7, 6]
    # Of the first three users alone.
    assert_same(lines.first(3), expected[:3])
    assert batches[3:] == [3]
    assert recommend(small_run, k=2, quiet=True, out=tmp_path / "recs.jsonl") == []
    written = (tmp_path / "recs.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in written] == expected


def test_a_full_disk_and_ctrl_c_leave_what_was_there(small_run, tmp_path, monkeypatch, capsys):
    out = tmp_path / "lists" / "recs.jsonl"
    arguments = ["recommend", str(small_run), "--out", str(out), "--k", "2", "--quiet"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"{out}: 20 users\n"
    before = out.read_text()
    with monkeypatch.context() as patch:

        def full(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        patch.setattr(os, "fsync", full)
        assert main(arguments) == 1
    message = f"tfmmrec: error: {out}: cannot be written: No space left on device\n"
    assert capsys.readouterr().err == message
    with monkeypatch.context() as patch:

        def interrupted(self, batches):
            yield from itertools.repeat((["i1"], [1.0]), 5)
            raise KeyboardInterrupt

        patch.setattr(batch_ranker.BatchRanker, "rank", interrupted)
        assert main(arguments) == 130
    assert capsys.readouterr().err == "tfmmrec: error: interrupted\n"
    assert out.read_text() == before
    assert list(out.parent.iterdir()) == [out]
