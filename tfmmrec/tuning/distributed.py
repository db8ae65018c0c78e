"""The processes of a search: a single one, or a chief that proposes trials and workers.

Environment variables of Keras Tuner define the role of a process: KERASTUNER_TUNER_ID, `chief` or
the unique name of a worker, and KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT, the address of the
chief.
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
from tfmmrec.tuning.staged_oracle import StagedOracle

_ID, _IP, _PORT = (f"KERASTUNER_{name}" for name in ("TUNER_ID", "ORACLE_IP", "ORACLE_PORT"))
# Keras Tuner prints each condition that it reads from a message; its module has no other switch.
conditions.print = lambda *args: None  # type: ignore[attr-defined]

# A chief may have to encode a catalog first.
_CHIEF_TIMEOUT = 6 * 3600.0
_HEARTBEAT_INTERVAL = 2.0
_HEARTBEATS = "workers"


@dataclasses.dataclass(frozen=True)
class Process:
    """The role of this process in a search.

    Attributes:
        name: of the process.
        address: of the chief; None in a search of a single process.
    """

    name: str = "single"
    address: str | None = None

    @property
    def is_chief(self) -> bool:
        """Whether this process proposes the trials and writes the results."""
        return self.address is None or "chief" in self.name

    @property
    def trains(self) -> bool:
        """Whether this process runs trials."""
        return self.address is None or "chief" not in self.name


def this_process() -> Process:
    """The role that the environment variables give this process.

    Raises:
        ConfigError: only some of them are set.
    """
    given = {name: os.environ[name] for name in (_ID, _IP, _PORT) if name in os.environ}
    if not given:
        return Process()
    if len(given) < 3:
        missing = ", ".join(name for name in (_ID, _IP, _PORT) if name not in given)
        raise ConfigError(
            f"{missing}: a search of several processes needs it; set it, or unset the others"
        )
    return Process(given[_ID], f"{given[_IP]}:{given[_PORT]}")


def run_chief(oracle: StagedOracle, address: str, folder: Path, lost_after: float) -> None:
    """Serves the oracle until the search is over and all workers know it.

    Ours instead of Keras Tuner's chief, which waits forever for a worker that was killed.

    Args:
        oracle: proposes the trials.
        address: to listen on, `IP:PORT`.
        folder: of the search, where workers leave heartbeats.
        lost_after: seconds without a heartbeat after which a worker is lost.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    # Without this option, two chiefs could share a port.
    exclusive = [("grpc.so_reuseport", 0)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1), options=exclusive)
    servicer = _Servicer(oracle)
    protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
    try:
        server.add_insecure_port(address)
    except RuntimeError:
        raise ConfigError(f"{_IP}, {_PORT}: cannot listen on {address}; is it taken?") from None
    server.start()
    heartbeats = _Heartbeats(folder, lost_after)
    while not servicer.stop_triggered or oracle.workers():
        servicer.check()
        for worker in heartbeats.lost(oracle.workers()):
            trial = oracle.release(worker)
            queued = "" if trial is None else f"; its trial {int(trial)} is given to another"
            print(f"worker {worker} sent no heartbeat for {lost_after:g} s{queued}", flush=True)
        time.sleep(0.2)
    # The last request must still be answered.
    server.stop(grace=5).wait()


class _Servicer(oracle_chief.OracleServicer):
    """Stores the first error of an answer, after which Keras Tuner's oracle stays locked."""

    def __init__(self, oracle: StagedOracle):
        super().__init__(oracle)
        self._error: Exception | None = None

    def check(self) -> None:
        """Raises the stored error."""
        if self._error is not None:
            raise self._error

    def CreateTrial(self, request: Any, context: Any) -> Any:
        return self._answer(super().CreateTrial, request, context)

    def UpdateTrial(self, request: Any, context: Any) -> Any:
        return self._answer(super().UpdateTrial, request, context)

    def EndTrial(self, request: Any, context: Any) -> Any:
        return self._answer(super().EndTrial, request, context)

    def _answer(self, method: Callable[[Any, Any], Any], request: Any, context: Any) -> Any:
        try:
            return method(request, context)
        except Exception as error:
            self._error = error
            raise


class _Heartbeats:
    """Finds lost workers by the time stamps of their heartbeats and the clock of this process."""

    def __init__(self, folder: Path, lost_after: float):
        self._folder = folder / _HEARTBEATS
        self._lost_after = lost_after
        self._seen: dict[str, tuple[float, float]] = {}

    def lost(self, workers: set[str]) -> list[str]:
        now, lost = time.monotonic(), []
        for worker in workers:
            with contextlib.suppress(FileNotFoundError):
                heartbeat = (self._folder / worker).stat().st_mtime
                if self._seen.get(worker, (None, 0.0))[0] != heartbeat:
                    self._seen[worker] = (heartbeat, now)
            since = self._seen.setdefault(worker, (0.0, now))[1]
            if now - since > self._lost_after:
                lost.append(worker)
        for worker in lost:
            del self._seen[worker]
        return lost


def wait_for_chief(address: str, results: Path) -> bool:
    """Waits until the chief answers or the search is over.

    Args:
        address: of the chief.
        results: a file that exists once the search is over.

    Returns:
        Whether the chief answers.

    Raises:
        DataError: the chief does not answer within six hours.
    """
    deadline = time.monotonic() + _CHIEF_TIMEOUT
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
def heartbeat(folder: Path, name: str) -> Iterator[None]:
    """Within the context, this worker sends heartbeats.

    Raises:
        DataError: the chief has stopped.
    """
    heartbeats = folder / _HEARTBEATS
    heartbeats.mkdir(parents=True, exist_ok=True)
    done = threading.Event()

    def beat() -> None:
        while True:
            # The folder is gone once the search is over.
            with contextlib.suppress(OSError):
                (heartbeats / name).touch()
            if done.wait(_HEARTBEAT_INTERVAL):
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
