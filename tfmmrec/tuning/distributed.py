"""The processes of a search: one alone, or a chief that says what to try and workers that train.

Keras Tuner's variables say what a process is: KERASTUNER_TUNER_ID, `chief` or a name of its own,
and KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT, where the chief listens.
"""

import contextlib
import dataclasses
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from keras_tuner.src import protos
from keras_tuner.src.distribute import oracle_chief
from keras_tuner.src.engine import conditions

from tfmmrec.errors import ConfigError, DataError
from tfmmrec.tuning.oracles import Staged

_ID, _IP, _PORT = (f"KERASTUNER_{name}" for name in ("TUNER_ID", "ORACLE_IP", "ORACLE_PORT"))
# It prints each condition that it reads from a message.
conditions.print = lambda *said: None  # type: ignore[attr-defined]

# A chief may have to encode a catalogue first.
_PATIENCE = 6 * 3600.0
_BEAT = 2.0
_SIGNS = "workers"


@dataclasses.dataclass(frozen=True)
class Process:
    """What this process is in a search.

    Attributes:
        name: its own.
        address: where the chief listens; None of a process that is alone.
    """

    name: str = "alone"
    address: str | None = None

    @property
    def leads(self) -> bool:
        """Whether it says what to try, and writes the results."""
        return self.address is None or "chief" in self.name

    @property
    def trains(self) -> bool:
        """Whether it runs trials."""
        return self.address is None or "chief" not in self.name


def this_process() -> Process:
    """What Keras Tuner's variables make of this process.

    Raises:
        ConfigError: some are set and others are not.
    """
    given = {name: os.environ[name] for name in (_ID, _IP, _PORT) if name in os.environ}
    if not given:
        return Process()
    if len(given) < 3:
        missing = ", ".join(name for name in (_ID, _IP, _PORT) if name not in given)
        raise ConfigError(f"{missing}: a search of several processes needs it; set it, or none")
    return Process(given[_ID], f"{given[_IP]}:{given[_PORT]}")


def serve(oracle: Staged, address: str, folder: Path, lost_after: float) -> None:
    """Answers workers until there is no more to do and all of them know it.

    As Keras Tuner's own chief, which waits for ever for a worker that was killed.

    Args:
        oracle: says what to try.
        address: where to listen, `IP:PORT`.
        folder: of the search, where workers leave signs of life.
        lost_after: seconds after which a worker without any is lost.

    Raises:
        ConfigError: nothing can listen there.
    """
    # Two chiefs must not share a port, which the system would allow.
    alone = [("grpc.so_reuseport", 0)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1), options=alone)
    servicer = _Servicer(oracle)
    protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
    try:
        server.add_insecure_port(address)
    except RuntimeError:
        raise ConfigError(f"{_IP}, {_PORT}: cannot listen on {address}; is it taken?") from None
    server.start()
    watch = _Signs(folder, lost_after)
    while not servicer.stop_triggered or oracle.workers():
        servicer.check()
        for worker in watch.lost(oracle.workers()):
            trial = oracle.release(worker)
            what = "" if trial is None else f"; its trial {int(trial)} is given to another"
            print(f"worker {worker} gave no sign of life for {lost_after:g} s{what}", flush=True)
        time.sleep(0.2)
    # Whoever asked last still has to hear the answer.
    server.stop(grace=5).wait()


class _Servicer(oracle_chief.OracleServicer):
    """Keeps what went wrong in an answer, after which Keras Tuner's oracle stays locked."""

    def __init__(self, oracle: Staged):
        super().__init__(oracle)
        self._error: Exception | None = None

    def check(self) -> None:
        """Raises what went wrong."""
        if self._error is not None:
            raise self._error

    def CreateTrial(self, request: Any, context: Any) -> Any:
        return self._kept(super().CreateTrial, request, context)

    def UpdateTrial(self, request: Any, context: Any) -> Any:
        return self._kept(super().UpdateTrial, request, context)

    def EndTrial(self, request: Any, context: Any) -> Any:
        return self._kept(super().EndTrial, request, context)

    def _kept(self, answer: Callable[[Any, Any], Any], request: Any, context: Any) -> Any:
        try:
            return answer(request, context)
        except Exception as error:
            self._error = error
            raise


class _Signs:
    """Tells which workers are lost, by this process' own clock."""

    def __init__(self, folder: Path, lost_after: float):
        self._folder = folder / _SIGNS
        self._lost_after = lost_after
        self._seen: dict[str, tuple[float, float]] = {}

    def lost(self, workers: set[str]) -> list[str]:
        now, lost = time.monotonic(), []
        for worker in workers:
            with contextlib.suppress(FileNotFoundError):
                sign = (self._folder / worker).stat().st_mtime
                if self._seen.get(worker, (None, 0.0))[0] != sign:
                    self._seen[worker] = (sign, now)
            since = self._seen.setdefault(worker, (0.0, now))[1]
            if now - since > self._lost_after:
                lost.append(worker)
        for worker in lost:
            del self._seen[worker]
        return lost


def wait_for_chief(address: str, results: Path) -> bool:
    """Returns when the chief answers, or there is nothing to ask it any more.

    Args:
        address: where it listens.
        results: a file that is there when the search is over.

    Returns:
        Whether it answers.

    Raises:
        DataError: it never does.
    """
    deadline = time.monotonic() + _PATIENCE
    with grpc.insecure_channel(address) as channel:
        ready = grpc.channel_ready_future(channel)
        while time.monotonic() < deadline:
            with contextlib.suppress(grpc.FutureTimeoutError):
                ready.result(timeout=1.0)
                return True
            if results.exists():
                return False
    raise DataError(f"{address}: no chief answers; see {_IP} and {_PORT}")


@contextlib.contextmanager
def alive(folder: Path, name: str) -> Iterator[None]:
    """Within the block, this worker gives signs of life, and a chief that goes is told of."""
    signs = folder / _SIGNS
    signs.mkdir(parents=True, exist_ok=True)
    done = threading.Event()

    def beat() -> None:
        while True:
            # Nobody is helped by a worker that ends because the folder is gone.
            with contextlib.suppress(OSError):
                (signs / name).touch()
            if done.wait(_BEAT):
                return

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    except grpc.RpcError as error:
        raise DataError(
            f"the chief is gone ({error.code().name.lower()}); start it again with --resume, and "
            "then this worker"
        ) from None
    finally:
        done.set()
        thread.join()
