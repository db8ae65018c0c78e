"""Times encoding and recommending on Beam beside the local commands; prints Markdown tables.

python benchmarks/beam_scale.py DATA --config TRAIN.yaml --run RUN --rounds 3

The contestants are the local command, the Beam pipeline in one process, and the pipeline in worker
processes on this machine, which share the folders as machines would. Each runs in a process of its
own, from its start to its end: of a short run, starting TensorFlow and the workers is a large part.
Encoding starts from an empty cache. Contestants take turns; seconds are medians. Other programs
change the seconds by the clock more than those of the processor, which are of all processes.

The last column compares what was written with what the local command wrote: the largest absolute
difference of encodings or scores, after a check that rows and ids are the same.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml

from tfmmrec.cli import run_script
from tfmmrec.errors import DataError
from tfmmrec.reports.tables import markdown_table

ROOT = Path(__file__).resolve().parents[1]
LOCAL = "local command"

# Arguments after the interpreter, by contestant; each writes to the path that it is given.
Commands = dict[str, Callable[[Path], list[str]]]


def main(
    data: Path,
    *,
    config: Path | None = None,
    run: Path | None = None,
    workers: int = 2,
    k: int = 100,
    users_per_shard: int = 256,
    rounds: int = 3,
) -> None:
    """Times the encoding of a data folder, and recommending to all users of a run.

    Args:
        data: a data folder.
        config: a training file, whose encoders are timed.
        run: a run, whose users get recommendations (default: only encoding is timed).
        workers: number of worker processes of the distributed contestant.
        k: number of items per user.
        users_per_shard: number of users of a shard.
        rounds: number of rounds; each contestant runs once per round.
    """
    several = f"--beam=--direct_running_mode=multi_processing --direct_num_workers={workers}"
    beam = {"Beam, 1 process": [], f"Beam, {workers} workers": [several]}
    with tempfile.TemporaryDirectory() as folder:
        race("values", Path(folder), encoders(data, config, beam), rounds, compare_encodings)
        if run is not None:
            shards = ["--users-per-shard", str(users_per_shard)]
            beam = {name: [*shards, *flags] for name, flags in beam.items()}
            race("users", Path(folder), recommenders(run, k, beam), rounds, compare_lines)


def encoders(data: Path, config: Path | None, beam: dict[str, list[str]]) -> Commands:
    """The contestants of encoding; they write a training file that names their cache."""
    options = yaml.safe_load(config.read_text(encoding="utf-8")) if config else {}

    def training_file(cache: Path) -> list[str]:
        path = cache.with_suffix(".yaml")
        path.write_text(yaml.safe_dump({**options, "cache": str(cache)}, sort_keys=False))
        return [str(data), "--config", str(path)]

    local = ["-m", "tfmmrec", "encode", "--quiet"]
    script = str(ROOT / "records" / "beam_encode.py")
    return {LOCAL: lambda out: [*local, *training_file(out)]} | {
        name: lambda out, flags=flags: [script, *training_file(out), *flags]
        for name, flags in beam.items()
    }


def recommenders(run: Path, k: int, beam: dict[str, list[str]]) -> Commands:
    """The contestants of recommending."""
    local = ["-m", "tfmmrec", "recommend", str(run), "--k", str(k), "--quiet", "--out"]
    script = [str(ROOT / "trainers" / "beam_recommend.py"), str(run), "--k", str(k)]
    return {LOCAL: lambda out: [*local, str(out)]} | {
        name: lambda out, flags=flags: [*script, *flags, "--out", str(out)]
        for name, flags in beam.items()
    }


def race(
    unit: str,
    folder: Path,
    commands: Commands,
    rounds: int,
    compare: Callable[[Path, Path], tuple[int, float]],
) -> None:
    """Runs contestants in turns and prints their table.

    Args:
        unit: what is counted.
        folder: for their results.
        commands: the contestants; the first is the local command.
        rounds: number of rounds.
        compare: returns the size of a result, and its largest difference from another one.
    """
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    differences = dict.fromkeys(commands, 0.0)
    for number in range(rounds):
        outs = {name: folder / f"{unit}-{number}-{n}" for n, name in enumerate(commands)}
        for name, command in commands.items():
            seconds[name].append(timed(command(outs[name])))
            count, difference = compare(outs[name], outs[LOCAL])
            differences[name] = max(differences[name], difference)
    rows = []
    for name, measured in seconds.items():
        clock, processor = (statistics.median(times) for times in zip(*measured, strict=True))
        rows.append(
            [
                name,
                f"{clock:.1f}",
                f"{count / clock:,.0f}",
                f"{processor:.1f}",
                f"{differences[name]:.1g}",
            ]
        )
    head = [f"{count:,} {unit}", "seconds", f"{unit}/s", "processor seconds", "difference"]
    print(markdown_table(head, rows), end="\n\n")


def timed(arguments: list[str]) -> tuple[float, float]:
    """Runs Python with arguments; returns the seconds by the clock and of all processors."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    clock, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise DataError(f"{arguments[0]}: failed: {done.stderr.splitlines()[-1]}")
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return clock, user + system


def compare_encodings(cache: Path, other: Path) -> tuple[int, float]:
    """Returns the number of encoded values, and the largest difference of two caches."""
    num_values = 0
    for path in (cache / "values").glob("*/*.npz"):
        with np.load(path) as part:
            num_values += len(part["keys"])
    tables = sorted(path.relative_to(cache) for path in cache.glob("*/encodings.npy"))
    if tables != sorted(path.relative_to(other) for path in other.glob("*/encodings.npy")):
        raise DataError(f"{cache}: has other tables than {other}")
    pairs = [(np.load(cache / table), np.load(other / table)) for table in tables]
    return num_values, max(float(np.abs(one.astype(np.float64) - two).max()) for one, two in pairs)


def compare_lines(path: Path, other: Path) -> tuple[int, float]:
    """Returns the number of lines, and the largest difference of scores of two files."""
    lines, others = (
        [json.loads(line) for line in each.read_text(encoding="utf-8").splitlines()]
        for each in (path, other)
    )
    for ours, theirs in zip(lines, others, strict=True):
        if (ours["user"], ours["items"]) != (theirs["user"], theirs["items"]):
            raise DataError(f"{path}: other items than in {other} for {ours['user']!r}")
    scores = [np.concatenate([line["scores"] for line in each]) for each in (lines, others)]
    return len(lines), float(np.abs(scores[0] - scores[1]).max())


if __name__ == "__main__":
    run_script(main)
