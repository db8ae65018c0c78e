"""Kills a pack at random moments, packs again and compares the manifests; prints a table.

python benchmarks/pack_kill.py CATALOG/dataset.yaml --times 10
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tfmmrec.cli import run_script
from tfmmrec.data.storage import MANIFEST
from tfmmrec.errors import DataError


def main(dataset: Path, *, times: int = 10, shard_bytes: int = 1_000_000, seed: int = 0) -> None:
    """Kills and packs again; each repeated run must give the manifest of an uninterrupted pack.

    Args:
        dataset: dataset file of a catalog.
        times: number of kills.
        shard_bytes: size of a shard in bytes; small, so that there are complete shards to keep.
        seed: seed of the moments of the kills.
    """
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = folder / "whole"
        _wait_for_start(process := _start(dataset, whole, shard_bytes), folder, "whole")
        start = time.perf_counter()
        if process.wait():
            raise DataError(f"{dataset}: packing failed; run tfmmrec pack on it to see the error")
        seconds = time.perf_counter() - start
        expected = (whole / MANIFEST).read_bytes()
        print(f"A full pack takes {seconds:.1f} s after start-up.\n")
        print("| killed after | complete parts | manifest of the repeated run |\n|---|---|---|")
        number = hits = 0
        while hits < times:
            number += 1
            out = folder / f"{number}"
            _wait_for_start(process := _start(dataset, out, shard_bytes), folder, out.name)
            moment = chance.uniform(0, seconds)
            time.sleep(moment)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if out.exists():  # it finished before the kill
                continue
            hits += 1
            notes = folder / f".{out.name}.partial" / "notes"
            num_whole = len(list(notes.glob("*/*.json")))
            if _start(dataset, out, shard_bytes).wait():
                raise DataError(
                    f"{dataset}: the repeated run failed after a kill at {moment:.2f} s"
                )
            same = (out / MANIFEST).read_bytes() == expected
            print(f"| {moment:.2f} s | {num_whole} | {'the same' if same else 'DIFFERENT'} |")


def _start(dataset: Path, out: Path, shard_bytes: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tfmmrec", "pack", str(dataset), "--out", str(out)]
    options = ["--shard-bytes", str(shard_bytes), "--max-rejects", "1", "--quiet"]
    return subprocess.Popen(command + options, start_new_session=True, stdout=subprocess.DEVNULL)


def _wait_for_start(process: "subprocess.Popen[bytes]", folder: Path, name: str) -> None:
    while not (folder / f".{name}.partial").exists() and process.poll() is None:
        time.sleep(0.005)


if __name__ == "__main__":
    run_script(main)
