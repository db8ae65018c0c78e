"""The benchmark of a GPU: its tables on a processor, and its error where there is no GPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), *options]
    # No GPU is visible, also where there is one.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_without_a_gpu_it_ends_with_one_line():
    done = run()
    assert (done.returncode, done.stdout) == (1, "")
    last = done.stderr.splitlines()[-1]
    assert last == (
        "tfmmrec: error: device: TensorFlow finds no GPU; --device cpu times the processor"
    )


@pytest.mark.slow
def test_it_prints_a_table_each_of_encoding_training_and_ranking():
    done = run("--device", "cpu", "--sizes", "small")
    assert done.returncode == 0, done.stderr
    tables = [table.splitlines() for table in done.stdout.strip().split("\n\n")]
    # Two texts, a picture and a sound; two batch sizes by two precisions; three ways to rank.
    assert [len(table) - 2 for table in tables] == [4, 4, 3]
    assert all("on the processor" in table[0] for table in tables)
    assert [line.split(" | ")[0] for line in tables[1][2:]] == ["| batch 32", "| batch 64"] * 2
