"""Distributed trainings as separate processes: two devices, two workers, parameter servers."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.distribute.worlds import WITHOUT_CHANCE, config
from tfmmrec.data.storage import read_json
from tfmmrec.models.run_file import read_run
from tfmmrec.models.run_folder import load_run
from tfmmrec.training.train import train

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_two_devices_equal_one() -> None:
    cases = ROOT / "tests/distribute/two_devices.py"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(cases)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]


def start(
    data: Path, out: Path, strategy: str, tasks: dict[str, int], *more: str
) -> list[subprocess.Popen]:
    """Starts a process for each task, the chief first."""
    sockets = [socket.socket() for _ in range(sum(tasks.values()))]
    for each in sockets:
        each.bind(("localhost", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    addresses = iter(ports)
    cluster = {
        name: [f"localhost:{next(addresses)}" for _ in range(n)] for name, n in tasks.items()
    }
    options = {key: value for key, value in WITHOUT_CHANCE.items() if key != "quiet"}
    options["closed_form"] = {}
    file = out.with_suffix(".yaml")
    file.write_text(yaml.safe_dump(options))
    command = [sys.executable, "-W", "ignore", "-m", "tfmmrec", "train", str(data)]
    command += ["--config", str(file), "--out", str(out), "--strategy", strategy, "--quiet", *more]
    return [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={
                **os.environ,
                "TF_CONFIG": json.dumps(
                    {"cluster": cluster, "task": {"type": name, "index": index}}
                ),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, n in tasks.items()
        for index in range(n)
    ]


def end(processes: list[subprocess.Popen]) -> list[str]:
    """Waits until all processes succeed; returns their output."""
    try:
        said = [process.communicate(timeout=300) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, (_, err) in zip(processes, said, strict=True):
        assert process.returncode == 0, err[-4000:]
    return [out for out, _ in said]


def test_two_workers_equal_one_device(small, tmp_path) -> None:
    workers = start(small.folder, tmp_path / "two", "multiworker", {"worker": 2})
    train(small.folder, tmp_path / "one", config(closed_form={}))
    end(workers)
    one, two = (read_json(tmp_path / run / "history.json") for run in ("one", "two"))
    assert len(two) == 2
    for ours, theirs in zip(two, one, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)
    weights = [load_run(tmp_path / r, quiet=True).model.get_weights() for r in ("one", "two")]
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two", "two.yaml"]


def test_a_training_with_a_parameter_server(small, tmp_path) -> None:
    """The memory of a process stands for the disk of the coordinator."""
    tasks = {"chief": 1, "worker": 1, "ps": 1}
    seen_by_one = ("--checkpoints", "ram://checkpoints")
    _, *others = end(start(small.folder, tmp_path / "run", "parameter_server", tasks, *seen_by_one))
    losses = [epoch["loss"] for epoch in read_json(tmp_path / "run/history.json")]
    # Of some batch each, as workers are not in step.
    assert len(losses) == 2 and np.isfinite(losses).all()
    assert read_run(tmp_path / "run")["metrics"]["mrr"] > 0.4
    # Those that serve leave when the coordinator has, and have nothing to say.
    assert others == ["", ""]
