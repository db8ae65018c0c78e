"""The launch scripts, with commands that only write down how they were called."""

import json
import os
import subprocess
from pathlib import Path

import pytest

LAUNCH = Path(__file__).parents[1] / "trainers/launch"
COMMAND = """#!/bin/sh
printf '%s|%s|%s\\n' "$TF_CONFIG" "$CUDA_VISIBLE_DEVICES" "$*" >> "$CALLS"
case "$*" in *fails*) exit 3;; esac
"""


@pytest.fixture
def launch(tmp_path, monkeypatch):
    """Runs a script; returns its exit code and the calls: TF_CONFIG, the GPUs and arguments."""
    for name in ("tfmmrec", "gcloud"):
        (tmp_path / name).write_text(COMMAND)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.delenv("TF_CONFIG", raising=False)

    def run(script: str, *arguments: str, **variables: str) -> tuple[int, list[list[str]]]:
        command = [str(LAUNCH / script), *arguments]
        done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True)
        calls = (tmp_path / "calls").read_text() if (tmp_path / "calls").exists() else ""
        return done.returncode, [line.split("|") for line in calls.splitlines()]

    return run


def tasks(calls: list[list[str]], strategy: str) -> list[tuple[str, int]]:
    """Of each process, which it is, in a cluster that is the same for all."""
    configs = [json.loads(config) for config, _, told in calls if f"--strategy {strategy}" in told]
    assert len({json.dumps(config["cluster"]) for config in configs}) == 1
    found = [(config["task"]["type"], config["task"]["index"]) for config in configs]
    for type, index in found:
        assert configs[0]["cluster"][type][index]
    return sorted(found)


def test_gpus_share_a_batch(launch):
    code, [[_, gpus, told]] = launch("gpus.sh", "d", "r", "--epochs", "3", GPUS="0,2,5", EACH="10")
    assert code == 0 and gpus == "0,2,5"
    assert told == "train d --out r --strategy mirrored --batch_size 30 --epochs 3"


def test_one_gpu_is_chosen(launch):
    code, [[_, gpus, told]] = launch("one_gpu.sh", "d", "r", GPU="1")
    assert (code, gpus, told) == (0, "1", "train d --out r --strategy one")


def test_each_worker_is_told_who_it_is(launch):
    code, calls = launch("workers.sh", "d", "r", "--seed", "1", WORKERS="a:1,b:1,c:1")
    assert code == 0
    # Encoders run before anything that waits for them.
    assert calls[0][2] == "encode d --seed 1"
    assert tasks(calls, "multiworker") == [("worker", 0), ("worker", 1), ("worker", 2)]


def test_servers_workers_and_a_chief(launch):
    code, calls = launch("parameter_servers.sh", "d", "r", WORKERS="a:1,b:1", SERVERS="c:1,d:1")
    assert code == 0
    found = tasks(calls, "parameter_server")
    # The script ends with the chief, and with it those that had not begun.
    assert ("chief", 0) in found
    assert set(found) <= {("chief", 0), *((t, n) for t in ("worker", "ps") for n in (0, 1))}


@pytest.mark.parametrize("script", ["workers.sh", "parameter_servers.sh", "gpus.sh", "one_gpu.sh"])
def test_a_failure_is_one_of_the_script(launch, script):
    assert launch(script, "fails", "r")[0] != 0


@pytest.mark.parametrize("script", ["tpu_vm.sh", "tpu_pod.sh"])
def test_what_a_tpu_is_told(launch, script):
    assert launch(script, "gs://b/d", "gs://b/r")[0] != 0  # from where is not said
    code, calls = launch(script, "gs://b/d", "gs://b/r", "--epochs", "3", SOURCE="git+https://h/t")
    assert code == 0
    said = "\n".join("|".join(call) for call in calls)
    assert "--strategy tpu --epochs 3" in said


@pytest.mark.parametrize("script", sorted(path.name for path in LAUNCH.glob("*.sh")))
def test_what_is_missing_is_asked_for(launch, script):
    code, calls = launch(script, "d")
    assert code != 0 and calls == []
