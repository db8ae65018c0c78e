"""Checkpoints on a disk and on remote storage, for which TensorFlow's `ram://` stands."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.distribute.worlds import config
from tests.stopping import AtStep, Stop
from tfmmrec.data.storage import read_json
from tfmmrec.errors import DataError
from tfmmrec.models.run_file import read_run
from tfmmrec.models.run_folder import load_run
from tfmmrec.training.checkpoints import Checkpoints
from tfmmrec.training.train import train

OPTIONS = tf.train.CheckpointOptions()


@pytest.fixture(params=["disk", "ram"])
def folder(request, tmp_path) -> str:
    """A folder that does not exist yet, on a disk or on other storage."""
    return str(tmp_path / "kept") if request.param == "disk" else f"ram://{tmp_path.name}/kept"


def weight(value: float) -> tf.train.Checkpoint:
    return tf.train.Checkpoint(weight=tf.Variable(value))


def test_saved_checkpoints_are_restored(folder) -> None:
    kept = Checkpoints(folder)
    assert kept.read_state() is None and not kept.exist()
    kept.save("epoch-1", weight(1.0), OPTIONS, {"epoch": 1}, keep=[])
    kept.save("epoch-2", weight(2.0), OPTIONS, {"epoch": 2}, keep=["epoch-1"])
    assert kept.read_state() == {"epoch": 2, "checkpoint": "epoch-2"} and kept.exist()
    fresh = weight(0.0)
    for name, value in (("epoch-1", 1.0), ("epoch-2", 2.0)):
        kept.restore(name, fresh, OPTIONS)
        assert fresh.weight.numpy() == value


def test_older_checkpoints_are_removed(folder) -> None:
    kept = Checkpoints(folder)
    for epoch in (1, 2, 3, 10):
        kept.save(f"epoch-{epoch}", weight(0.0), OPTIONS, {}, keep=["epoch-1"])
    names = {name.split(".")[0] for name in tf.io.gfile.listdir(folder)}
    assert names == {"epoch-1", "epoch-10", "state"}


def test_a_copy_has_the_state_of_the_original(folder, tmp_path) -> None:
    source, target = Checkpoints(folder), Checkpoints(f"ram://{tmp_path.name}/target")
    source.subfolder("candidates/mean").save("epoch-4", weight(4.0), OPTIONS, {"epoch": 4}, keep=[])
    source.save("epoch-1", weight(1.0), OPTIONS, {"epoch": 1}, keep=[])
    target.copy_from(source)
    target.copy_from(Checkpoints(f"{folder}-that-is-not-there"))
    inside, fresh = target.subfolder("candidates/mean"), weight(0.0)
    assert inside.read_state() == {"epoch": 4, "checkpoint": "epoch-4"}
    inside.restore("epoch-4", fresh, OPTIONS)
    assert fresh.weight.numpy() == 4.0
    assert target.read_state() == source.read_state()


def test_clear_removes_only_checkpoints(folder) -> None:
    kept = Checkpoints(folder)
    kept.subfolder("candidates/mean").save("epoch-1", weight(1.0), OPTIONS, {}, keep=[])
    kept.clear()
    assert not kept.exist() and not tf.io.gfile.exists(folder)
    kept.save("epoch-1", weight(1.0), OPTIONS, {}, keep=[])
    with tf.io.gfile.GFile(f"{folder}/notes.txt", "w") as file:
        file.write("mine")
    kept.clear()
    assert tf.io.gfile.listdir(folder) == ["notes.txt"]
    # There may be none.
    Checkpoints(f"{folder}-that-is-not-there").clear()


def test_unknown_storage_is_an_error_of_one_line() -> None:
    kept = Checkpoints("nowhere://bucket/run")
    for act in (
        kept.read_state,
        lambda: kept.save("epoch-1", weight(1.0), OPTIONS, {}, keep=[]),
    ):
        with pytest.raises(DataError, match=r"^nowhere://bucket/run: checkpoints: .*nowhere"):
            act()


def stop() -> None:
    raise Stop


@pytest.mark.slow
def test_a_training_resumes_from_storage_without_its_disk(small, tmp_path, capsys) -> None:
    address = f"ram://{tmp_path.name}/checkpoints"
    # Five of sixteen users, the same before and after.
    drawn = {"validation": {"max_users": 5}}
    given = config(checkpoints=address, checkpoint_steps=1, **drawn)
    train(small.folder, tmp_path / "whole", config(**drawn))
    with pytest.raises(Stop):
        train(small.folder, tmp_path / "first" / "run", given, callbacks=[AtStep(2, stop)])
    assert Checkpoints(address).exist()
    # On another machine, or without --resume.
    with pytest.raises(DataError, match=f"^{address}: has checkpoints of a stopped training"):
        train(small.folder, tmp_path / "second" / "run", given)
    loud = dataclasses.replace(given, quiet=False)
    train(small.folder, tmp_path / "second" / "run", loud, resume=True)
    said = capsys.readouterr().out
    assert f"resumed after step 2 of epoch 1, from {address}\n" in said
    line = "each epoch is measured on 5 of 16 users of valid, drawn by the seed"
    assert f"{line} (validation.max_users)\n" in said
    assert not tf.io.gfile.exists(address)
    whole, run = tmp_path / "whole", tmp_path / "second" / "run"
    epochs = read_json(run / "history.json")
    assert read_json(whole / "history.json") == epochs
    assert [epoch["num_valid_users"] for epoch in epochs] == [5, 5]
    assert read_run(run)["metrics"]["num_valid_users"] == 5
    weights = [load_run(path, quiet=True).model.get_weights() for path in (whole, run)]
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_unknown_storage_leaves_no_folder(small, tmp_path) -> None:
    with pytest.raises(DataError, match=r"^nowhere://b: checkpoints: "):
        train(small.folder, tmp_path / "run", config(checkpoints="nowhere://b"))
    assert list(tmp_path.iterdir()) == []
