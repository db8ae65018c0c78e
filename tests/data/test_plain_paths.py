"""TensorFlow reads variables in any folder."""

import os
import subprocess
import sys

import pytest
import tensorflow as tf

from tfmmrec.data.plain_paths import plain_path

FOLDERS = ["data [v1]", "run[lr=0.1]", "a\\b", "a*", "a?", "{a,b}", "[", "]x[", "100% #1 ~", "数据"]


@pytest.mark.parametrize("name", FOLDERS)
def test_variables_are_read_back(name, tmp_path):
    folder = tmp_path / name / "deeper"
    folder.mkdir(parents=True)
    module = tf.Module()
    module.value = tf.Variable(3.0)
    tf.train.Checkpoint(model=module).write(str(folder / "weights"))
    tf.saved_model.save(module, str(folder / "saved"))
    module.value.assign(0.0)
    tf.train.Checkpoint(model=module).read(plain_path(folder / "weights"))
    assert module.value.numpy() == 3.0
    assert tf.saved_model.load(plain_path(folder / "saved")).value.numpy() == 3.0


def test_a_prefix_of_its_own_and_relative_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir("[x]")
    variable = tf.Variable(2.0)
    tf.train.Checkpoint(v=variable).write("[x]/weights")
    variable.assign(0.0)
    tf.train.Checkpoint(v=variable).read(plain_path("[x]/weights"))
    assert variable.numpy() == 2.0


def test_plain_paths_and_addresses_stay():
    assert plain_path("runs/1") == "runs/1"
    assert plain_path("gs://bucket/[x]/run") == "gs://bucket/[x]/run"


def test_the_links_go_with_the_process(tmp_path):
    (tmp_path / "[x]").mkdir()
    code = "from tfmmrec.data.plain_paths import plain_path; print(plain_path('[x]/a'))"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().startswith(str(tmp_path / "tfmmrec-"))
    assert [path.name for path in tmp_path.iterdir()] == ["[x]"]
