"""The processes of a training: what TF_CONFIG says of them, and those that only serve."""

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
# Seconds until a coordinator has to be there, and how often it is looked for.
_PATIENCE, _PAUSE = 600, 1
# Of the threads between ops.
_LEAST_THREADS = 4


@dataclasses.dataclass(frozen=True)
class Cluster:
    """What TF_CONFIG says.

    Attributes:
        tasks: addresses by type: `chief`, `worker` and `ps`; none where TF_CONFIG is not set.
        type: of this process.
        index: among those of its type.
    """

    tasks: dict[str, list[str]]
    type: str = "worker"
    index: int = 0

    @property
    def num_workers(self) -> int:
        """How many processes train together where there are no parameter servers."""
        return len(self.tasks.get("chief", ())) + len(self.tasks.get("worker", ()))

    @property
    def leads(self) -> bool:
        """Whether it is this process that writes what is to stay."""
        return self.type == "chief" or ("chief" not in self.tasks and self.index == 0)


def read_cluster() -> Cluster:
    """Reads TF_CONFIG.

    Raises:
        ConfigError: it is there, and is not what TensorFlow reads.
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


def serve(cluster: Cluster) -> None:
    """Holds variables, or takes steps, for the coordinator, until it has come and gone.

    Raises:
        ConfigError: the address is taken, or no coordinator came in ten minutes.
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
        raise ConfigError(f"TF_CONFIG: {address} cannot be served: {error.message}") from None
    [chief] = cluster.tasks["chief"]
    began = time.monotonic()
    while not _answers(chief):
        if time.monotonic() - began > _PATIENCE:
            raise ConfigError(f"TF_CONFIG: no chief came to {chief} in {_PATIENCE // 60} minutes")
        time.sleep(_PAUSE)
    missed = 0
    # Once may be a busy network.
    while missed < 3:
        missed = 0 if _answers(chief) else missed + 1
        time.sleep(_PAUSE)
    del server


def _threads() -> tf.compat.v1.ConfigProto:
    """As many threads between ops as there are cores, and enough on a single one.

    What waits for another process holds a thread, and with one alone nobody answers.
    """
    config = tf.compat.v1.ConfigProto()
    config.inter_op_parallelism_threads = max(_LEAST_THREADS, len(os.sched_getaffinity(0)))
    return config


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=5):
            return True
    except OSError:
        return False
