"""The launch scripts, with commands that only write down how they were called."""

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest
import yaml

from tfmmrec.cli.entry_point import build_parser

LAUNCH = Path(__file__).parents[2] / "trainers/launch"
COMMAND = """#!/bin/sh
tuner="$KERASTUNER_TUNER_ID@$KERASTUNER_ORACLE_IP:$KERASTUNER_ORACLE_PORT"
printf '%s|%s|%s\\n' "${TF_CONFIG:-$tuner}" "$CUDA_VISIBLE_DEVICES" "$*" >> "$CALLS"
case "$*" in *fails*) exit 3;; esac
"""


@pytest.fixture
def launch(tmp_path, monkeypatch):
    """Runs a script; returns its exit code and the calls: who it is, the GPUs and arguments.

    Who it is say TF_CONFIG or, in a search, Keras Tuner's variables.
    """
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


def test_a_chief_and_workers_search(launch):
    host = socket.gethostname()
    code, calls = launch("tuners.sh", "d", "t", "--trials", "9", WORKERS="3", GPUS="4,5")
    assert code == 0
    assert {told for _, _, told in calls} == {"tune d --out t --trials 9"}
    assert sorted((who, gpu) for who, gpu, _ in calls) == sorted(
        [
            ("chief@localhost:8300", ""),
            (f"{host}-0@localhost:8300", "4"),
            (f"{host}-1@localhost:8300", "5"),
            (f"{host}-2@localhost:8300", "4"),
        ]
    )


def test_each_machine_of_a_search_has_its_role(launch):
    _, [[who, _, _]] = launch("tuners.sh", "d", "t", ROLE="chief", CHIEF="host0:9000")
    # Others reach it by whatever name they have for this machine.
    assert who == "chief@0.0.0.0:9000"
    code, calls = launch("tuners.sh", "d", "t", ROLE="worker", CHIEF="host0:9000", WORKERS="1")
    assert code == 0 and calls[1][0] == f"{socket.gethostname()}-0@host0:9000"


def test_the_manifests_are_of_one_search():
    text = (LAUNCH / "kubernetes" / "tune.yaml").read_text()
    service, chief, worker = yaml.safe_load_all(text)
    pods = [job["spec"]["template"] for job in (chief, worker)]
    assert service["spec"]["selector"] == pods[0]["metadata"]["labels"]
    assert service["spec"]["selector"] != pods[1]["metadata"]["labels"]
    [port] = service["spec"]["ports"]
    containers = [pod["spec"]["containers"][0] for pod in pods]
    for container in containers:
        env = {entry["name"]: entry for entry in container["env"]}
        assert env["KERASTUNER_ORACLE_PORT"]["value"] == str(port["port"])
        assert set(env) == {f"KERASTUNER_{n}" for n in ("TUNER_ID", "ORACLE_IP", "ORACLE_PORT")}
        options = build_parser(["tune"]).parse_args(container["args"][1:3] + container["args"][5:])
        assert str(options.tune.data).startswith(container["volumeMounts"][0]["mountPath"])
    ids = [container["env"][0] for container in containers]
    # The chief is told by its name, and workers by those of their pods, which differ.
    assert ids[0]["value"] == "chief"
    assert ids[1]["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    assert "chief" not in worker["metadata"]["name"]
    assert containers[1]["env"][1]["value"] == service["metadata"]["name"]


@pytest.mark.parametrize(
    "script", ["workers.sh", "parameter_servers.sh", "gpus.sh", "one_gpu.sh", "tuners.sh"]
)
def test_a_failure_is_one_of_the_script(launch, script):
    assert launch(script, "fails", "r")[0] != 0


@pytest.mark.parametrize("script", ["tpu_vm.sh", "tpu_pod.sh"])
def test_what_a_tpu_is_told(launch, script):
    assert launch(script, "gs://b/d", "gs://b/r")[0] != 0  # from where is not said
    code, calls = launch(script, "gs://b/d", "gs://b/r", "--epochs", "3", SOURCE="git+https://h/t")
    assert code == 0
    said = "\n".join("|".join(call) for call in calls)
    # What was trained when the machine is taken away is on gs://, and gone on with.
    assert "--strategy tpu --checkpoints 'gs://b/r.checkpoints' --resume" in said
    assert "--epochs 3" in said


def test_a_tpu_searches_too(launch):
    code, calls = launch(
        "tpu_vm.sh", "gs://b/d", "gs://b/t", SOURCE="git+https://h/t", COMMAND="tune"
    )
    said = "\n".join("|".join(call) for call in calls)
    assert code == 0 and "tune data --out out --train.strategy tpu" in said
    assert "--train.checkpoints 'gs://b/t.checkpoints' --resume" in said
    # What is known so far is on gs:// when the machine is taken away.
    assert "rsync --recursive out.partial 'gs://b/t.partial'" in said
    assert launch("tpu_vm.sh", "gs://b/d", "x", SOURCE="git+https://h/t", COMMAND="serve")[0] == 2


@pytest.mark.parametrize("script", sorted(path.name for path in LAUNCH.glob("*.sh")))
def test_what_is_missing_is_asked_for(launch, script):
    code, calls = launch(script, "d")
    assert code != 0 and calls == []
