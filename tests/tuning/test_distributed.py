"""A chief and its workers as separate processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent import futures
from pathlib import Path

import grpc
import pytest
import yaml

from tests.distribute.worlds import WITHOUT_CHANCE
from tfmmrec.errors import ConfigError
from tfmmrec.tuning.distributed import Process, this_process

ROOT = Path(__file__).parents[2]
TRAIN = {key: value for key, value in WITHOUT_CHANCE.items() if key != "quiet"}


class Search:
    """A search of several processes."""

    def __init__(self, data: Path, out: Path, **options):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.out = out
        file = out.with_suffix(".yaml")
        file.write_text(yaml.safe_dump({"train": TRAIN, **options}))
        self.command = [sys.executable, "-W", "ignore", "-m", "tfmmrec", "tune", str(data)]
        self.command += ["--config", str(file), "--out", str(out)]
        self.processes: dict[str, subprocess.Popen] = {}

    def start(self, name: str, *options: str) -> subprocess.Popen:
        variables = {
            "KERASTUNER_TUNER_ID": name,
            "KERASTUNER_ORACLE_IP": "127.0.0.1",
            "KERASTUNER_ORACLE_PORT": str(self.port),
        }
        self.processes[name] = subprocess.Popen(
            [*self.command, *options],
            cwd=ROOT,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return self.processes[name]

    def end(self, *names: str) -> list[str]:
        """Waits for processes to end well; returns what each printed."""
        said = [self.processes[name].communicate(timeout=400) for name in names]
        for name, (_, err) in zip(names, said, strict=True):
            assert self.processes[name].returncode == 0, err[-4000:]
        return [out for out, _ in said]

    def trials(self) -> list[dict]:
        return [json.loads(line) for line in (self.out / "trials.jsonl").read_text().splitlines()]


@pytest.fixture
def search(small, tmp_path):
    found: list[Search] = []

    def make(**options) -> Search:
        found.append(Search(small.folder, tmp_path / "tuned", **options))
        return found[-1]

    yield make
    for process in [p for each in found for p in each.processes.values()]:
        process.kill()
        process.wait()


OPTIONS = {
    "search": [],
    "space": {"dim": [2, 4], "projection_units": [0, 8]},
    "tuner": "grid",
    "finalists": 1,
    "reruns": 1,
    "lost_after": 5.0,
}


@pytest.mark.slow
def test_a_chief_and_two_workers_equal_one_process(search, small, tmp_path) -> None:
    """A third worker is killed in the middle of a trial, which another one gets."""
    several = search(**OPTIONS)
    chief = several.start("chief")
    lost = several.start("lost")
    partial = several.out.with_name("tuned.partial")
    deadline = time.monotonic() + 300
    # The first trial is the lost one's, and is not done yet.
    while not (partial / "tuner" / "trial_0000" / "trial.json").exists():
        assert chief.poll() is None and lost.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(lost.pid, signal.SIGKILL)
    several.start("w0")
    several.start("w1")
    output, *workers = several.end("chief", "w0", "w1")
    assert workers == ["", ""]
    assert "worker lost sent no heartbeat for 5 s; its trial 0 is given to another" in output
    trials = several.trials()
    assert [trial["trial"] for trial in trials] == list(range(6))
    assert {trial["worker"] for trial in trials} <= {"w0", "w1"}
    # Four combinations, of which the base is one, each once; then two with another seed.
    searched = [(t["values"]["dim"], t["values"]["projection_units"]) for t in trials[:4]]
    assert sorted(searched) == [(2, 0), (2, 8), (4, 0), (4, 8)]
    assert [trial["stage"] for trial in trials[4:]] == ["rerun", "rerun"]
    # One process finds the same.
    from tfmmrec.config.train_config import TrainConfig
    from tfmmrec.tuning import TuneConfig, tune

    alone = tmp_path / "alone"
    found = tune(small.folder, alone, TuneConfig(TrainConfig(**TRAIN), **OPTIONS, quiet=True))
    own = [json.loads(line) for line in (alone / "trials.jsonl").read_text().splitlines()]
    by_values = {
        json.dumps([t["values"], t["seed"]], sort_keys=True): t["metrics"]["ndcg@10"] for t in own
    }
    for trial in trials:
        key = json.dumps([trial["values"], trial["seed"]], sort_keys=True)
        assert trial["metrics"]["ndcg@10"] == pytest.approx(by_values[key], abs=1e-6)
    results = json.loads((several.out / "results.json").read_text())
    assert results["config"]["dim"] == found["config"]["dim"]
    assert [f["mean"] for f in results["finalists"]] == pytest.approx(
        [f["mean"] for f in found["finalists"]], abs=1e-6
    )


def test_roles_of_a_process(monkeypatch) -> None:
    for name in ("TUNER_ID", "ORACLE_IP", "ORACLE_PORT"):
        monkeypatch.delenv(f"KERASTUNER_{name}", raising=False)
    alone = this_process()
    assert alone == Process() and alone.is_chief and alone.trains
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")
    with pytest.raises(ConfigError, match="KERASTUNER_ORACLE_IP, KERASTUNER_ORACLE_PORT: a search"):
        this_process()
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "10.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "8000")
    chief = this_process()
    assert chief.address == "10.0.0.1:8000" and chief.is_chief and not chief.trains
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "tuner-1")
    worker = this_process()
    assert worker.trains and not worker.is_chief


def test_an_address_that_is_taken_is_refused(search) -> None:
    several = search(**OPTIONS)
    # By another chief, to which the system would let this one join.
    taken = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    taken.add_insecure_port(f"127.0.0.1:{several.port}")
    taken.start()
    _, err = several.start("chief").communicate(timeout=200)
    taken.stop(None)
    assert several.processes["chief"].returncode == 1
    assert f"cannot listen on 127.0.0.1:{several.port}; is it taken?" in err
    assert not several.out.with_name("tuned.partial").exists()
