"""trainers/beam_recommend.py: the lines that Beam writes are those of `tfmmrec recommend`."""

import functools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tfmmrec.errors import ConfigError, DataError
from tfmmrec.serving import batch_recommend

pytest.importorskip("apache_beam", reason="Apache Beam is not installed: tfmmrec[beam]")

from tfmmrec.serving.beam import recommend as pipeline
from tfmmrec.serving.beam import recommend_on_beam


@pytest.fixture(scope="module", autouse=True)
def _runs_are_loaded_once():
    with pytest.MonkeyPatch.context() as patch:
        load = functools.cache(batch_recommend.load_run)
        patch.setattr(batch_recommend, "load_run", load)
        patch.setattr(pipeline, "load_run", load)
        yield


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def assert_same(found: list[dict], expected: list[dict]) -> None:
    assert [line["user"] for line in found] == [line["user"] for line in expected]
    assert [line["items"] for line in found] == [line["items"] for line in expected]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours["scores"], theirs["scores"], rtol=1e-5)


@pytest.mark.parametrize(
    "options",
    # 20 users, in shards of 7, and of all.
    [{"users_per_shard": 7, "k": 3, "split": "test"}, {}],
)
def test_the_file_is_that_of_the_local_command(small_run, tmp_path, options):
    num_users = recommend_on_beam(small_run, out=tmp_path / "recs.jsonl", **options)
    options.pop("users_per_shard", None)
    expected = batch_recommend.recommend(small_run, quiet=True, **options)
    assert num_users == len(expected) == 20
    assert_same(read(tmp_path / "recs.jsonl"), expected)
    # Nothing else is left.
    assert [path.name for path in tmp_path.iterdir()] == ["recs.jsonl"]


def test_users_of_a_file_are_written_in_its_order_as_shards(small_run, tmp_path, capsys):
    (tmp_path / "users.txt").write_text("u3\nnobody\nu1\nu3\n")
    users = str(tmp_path / "users.txt")
    recommend_on_beam(small_run, out=tmp_path / "r", users=users, users_per_shard=3, sharded=True)
    # Once, not again by each worker.
    assert capsys.readouterr().err.count("1 of 4 users are not in") == 1
    names = ["part-00000.jsonl", "part-00001.jsonl"]
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == names
    found = [read(tmp_path / "r" / name) for name in names]
    assert [[line["user"] for line in lines] for lines in found] == [["u3", "nobody", "u1"], ["u3"]]
    expected = batch_recommend.recommend(small_run, users=users, quiet=True)
    assert_same([*found[0], *found[1]], expected)


def test_a_worker_that_fails_is_one_line_and_leaves_the_earlier_file(
    small_run, tmp_path, monkeypatch
):
    def fail(run: Path, *, quiet: bool) -> None:
        raise MemoryError("no memory\nfor the run")

    monkeypatch.setattr(pipeline, "load_run", fail)
    (tmp_path / "recs.jsonl").write_text("earlier")
    with pytest.raises(DataError, match=r"^a worker failed: MemoryError: no memory for the run$"):
        recommend_on_beam(small_run, out=tmp_path / "recs.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["recs.jsonl"]
    assert (tmp_path / "recs.jsonl").read_text() == "earlier"


def test_options_are_checked_before_any_worker_starts(small_run, tmp_path):
    with pytest.raises(ConfigError, match=r"users_per_shard must be at least 1\. Received: 0"):
        recommend_on_beam(small_run, out=tmp_path / "r", users_per_shard=0)
    with pytest.raises(ConfigError, match="split must be one of"):
        recommend_on_beam(small_run, out=tmp_path / "r", split="train")
    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    with pytest.raises(DataError, match="is inside the run folder"):
        recommend_on_beam(run, out=run / "recs.jsonl")
    (tmp_path / "r").write_text("a file")
    with pytest.raises(DataError, match="r: exists already"):
        recommend_on_beam(small_run, out=tmp_path / "r", sharded=True)
