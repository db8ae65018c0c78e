"""The processes of a distributed training, as TF_CONFIG describes them, and their servers."""

import dataclasses
import json
import os
import socket
import time

import tensorflow as tf

from tfmmrec.errors import ConfigError

EXAMPLE = (
    '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'
)
# Seconds to wait for the coordinator, and between two attempts to reach it.
_TIMEOUT, _INTERVAL = 600, 1
_MIN_THREADS = 4


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The content of TF_CONFIG.

    Attributes:
        tasks: addresses by type, `chief`, `worker` and `ps`; empty without TF_CONFIG.
        type: of this process.
        index: among the processes of its type.
    """

    tasks: dict[str, list[str]]
    type: str = "worker"
    index: int = 0

    @property
    def num_workers(self) -> int:
        """The number of processes that train together without parameter servers."""
        return len(self.tasks.get("chief", ())) + len(self.tasks.get("worker", ()))

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the results."""
        return self.type == "chief" or ("chief" not in self.tasks and self.index == 0)


def read_cluster() -> Cluster:
    """Reads TF_CONFIG.

    Raises:
        ConfigError: TF_CONFIG is set, but not in TensorFlow's format.
    """
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        return Cluster({})
    try:
        content = json.loads(text)
        tasks = {name: list(addresses) for name, addresses in content["cluster"].items()}
        task = content["task"]
        cluster = Cluster(tasks, str(task["type"]), int(task["index"]))
        cluster.tasks[cluster.type][cluster.index]
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ConfigError(f"TF_CONFIG must be like {EXAMPLE}. Received: {text}") from None
    return cluster


def run_server(cluster: Cluster) -> None:
    """Runs the server of a worker or parameter server until the coordinator has finished.

    Raises:
        ConfigError: the address is in use, or no coordinator came within ten minutes.
    """
    address = cluster.tasks[cluster.type][cluster.index]
    try:
        server = tf.distribute.Server(
            tf.train.ClusterSpec(cluster.tasks),
            job_name=cluster.type,
            task_index=cluster.index,
            protocol="grpc",
            config=_threads(),
        )
    except tf.errors.OpError as error:
        raise ConfigError(f"TF_CONFIG: cannot listen on {address}: {error.message}") from None
    [chief] = cluster.tasks["chief"]
    start = time.monotonic()
    while not _is_reachable(chief):
        if time.monotonic() - start > _TIMEOUT:
            raise ConfigError(f"TF_CONFIG: no chief came to {chief} in {_TIMEOUT // 60} minutes")
        time.sleep(_INTERVAL)
    failures = 0
    # A single failure may be a busy network.
    while failures < 3:
        failures = 0 if _is_reachable(chief) else failures + 1
        time.sleep(_INTERVAL)
    del server


def _threads() -> tf.compat.v1.ConfigProto:
    """One inter-op thread per core, and at least four.

    An op that waits for another process blocks a thread; with a single thread, nobody would answer.
    """
    config = tf.compat.v1.ConfigProto()
    config.inter_op_parallelism_threads = max(_MIN_THREADS, len(os.sched_getaffinity(0)))
    return config


def _is_reachable(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=5):
            return True
    except OSError:
        return False
