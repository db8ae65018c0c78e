"""The distribution strategies that a training file names."""

import contextlib
import contextvars
import functools
import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.distribute import replicas
from tfmmrec.distribute.cluster import EXAMPLE, Cluster, read_cluster
from tfmmrec.errors import ConfigError, DataError, one_line

_STRATEGY: contextvars.ContextVar[Any] = contextvars.ContextVar("strategy", default=None)


@contextlib.contextmanager
def use_strategy(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Within the context, models are built for a strategy."""
    token = _STRATEGY.set(strategy)
    try:
        yield
    finally:
        _STRATEGY.reset(token)


def current_strategy() -> tf.distribute.Strategy:
    """The strategy for which models are built.

    Variables are created in its scope. A module that is loaded in the scope can be called in steps
    and outside of the scope, but not within it.
    """
    return _STRATEGY.get() or tf.distribute.get_strategy()


def resolve_strategy(name: str, cluster: Cluster) -> str:
    """Replaces `auto` by the strategy that fits this process; returns other names unchanged."""
    if name != "auto":
        return name
    if cluster.tasks.get("ps"):
        return "parameter_server"
    if cluster.num_workers > 1:
        return "multiworker"
    if os.environ.get("TPU_NAME"):
        return "tpu"
    return "mirrored" if len(tf.config.list_physical_devices("GPU")) > 1 else "one"


def needs_static_shapes(strategy: str, jit_compile: bool) -> bool:
    """Whether no tensor's shape may depend on the content of a batch, as XLA and TPUs require.

    Args:
        strategy: the key `strategy` of the training file.
        jit_compile: the key `jit_compile`.
    """
    return jit_compile or resolve_strategy(strategy, read_cluster()) == "tpu"


def is_server(name: str) -> bool:
    """Whether this process only serves a coordinator, under the strategy of this name."""
    cluster = read_cluster()
    return resolve_strategy(name, cluster) == "parameter_server" and cluster.type in (
        "worker",
        "ps",
    )


def create_strategy(name: str) -> tf.distribute.Strategy:
    """Creates a strategy; call it before any other TensorFlow operation.

    Raises:
        ConfigError: the machine or TF_CONFIG does not have what the strategy needs.
    """
    cluster = read_cluster()
    resolved = resolve_strategy(name, cluster)
    if resolved == "mirrored":
        return _mirrored()
    if resolved == "multiworker":
        return _multiworker(cluster)
    if resolved == "parameter_server":
        return _parameter_server(cluster)
    if resolved == "tpu":
        return _tpu()
    # TensorFlow's default strategy: one device.
    return tf.distribute.get_strategy()


@functools.cache  # two of them in one process receive each other's messages
def _mirrored() -> tf.distribute.Strategy:
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) == 1:
        _note(f"strategy: mirrored trains on a single device, {devices[0].name}; there is no other")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def _multiworker(cluster: Cluster) -> tf.distribute.Strategy:
    if not cluster.num_workers:
        raise ConfigError(
            "strategy: multiworker needs TF_CONFIG, in each process with its own task: " + EXAMPLE
        )
    if cluster.tasks.get("ps"):
        raise ConfigError("strategy: multiworker, but TF_CONFIG has ps tasks; use parameter_server")
    if cluster.num_workers == 1:
        _note("strategy: multiworker trains on a single worker; TF_CONFIG has no other")
    return tf.distribute.MultiWorkerMirroredStrategy()


def _parameter_server(cluster: Cluster) -> tf.distribute.Strategy:
    missing = [name for name in ("chief", "worker", "ps") if not cluster.tasks.get(name)]
    if missing:
        raise ConfigError(
            f"strategy: parameter_server needs chief, worker and ps tasks in TF_CONFIG; there is "
            f"no {' and no '.join(missing)}"
        )
    return tf.distribute.ParameterServerStrategy(
        tf.distribute.cluster_resolver.TFConfigClusterResolver(),
        # Large tables are partitioned over the servers.
        variable_partitioner=tf.distribute.experimental.partitioners.MinSizePartitioner(
            min_shard_bytes=16 << 20, max_shards=len(cluster.tasks["ps"])
        ),
    )


def _tpu() -> tf.distribute.Strategy:
    name = os.environ.get("TPU_NAME", "local")
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, tf.errors.OpError, OSError) as error:
        reason = one_line(error)
        raise ConfigError(
            f"strategy: tpu: no TPU answers to TPU_NAME={name}: {reason}; on a TPU VM it is local"
        ) from None
    return tf.distribute.TPUStrategy(resolver)


def _note(line: str) -> None:
    print(f"tfmmrec: {line}", file=sys.stderr)


def is_asynchronous(strategy: tf.distribute.Strategy) -> bool:
    """Whether workers take steps independently, while others update the same weights."""
    return isinstance(strategy, tf.distribute.ParameterServerStrategy)


def is_multi_process(strategy: tf.distribute.Strategy) -> bool:
    """Whether several processes run the same program and must take the same decisions."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the results."""
    return not is_multi_process(strategy) or read_cluster().is_chief


@contextlib.contextmanager
def peer_errors(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Within the context, the error that follows the loss of another process says so.

    Raises:
        DataError: another process has stopped.
    """
    try:
        yield
    except tf.errors.OpError as error:
        if not (is_multi_process(strategy) and "ollective" in str(error)) and not (
            is_asynchronous(strategy) and isinstance(error, tf.errors.UnavailableError)
        ):
            raise
        raise DataError(
            "another process of this training stopped; its own output has the reason; start all of "
            "them again, with --resume if an epoch was complete"
        ) from None


def gather_from_processes(strategy: tf.distribute.Strategy, values: np.ndarray) -> np.ndarray:
    """The values of each process, `[processes, n]`; all processes must call this.

    Args:
        strategy: of the model.
        values: of this process, float32 or int32 `[n]`.
    """
    if not is_multi_process(strategy):
        return values[np.newaxis]

    def gather() -> tf.Tensor:
        return replicas.all_gather(tf.constant(values)[tf.newaxis])

    [first, *_] = strategy.experimental_local_results(strategy.run(tf.function(gather)))
    # The replicas of one process have the same values.
    per_process = strategy.num_replicas_in_sync // read_cluster().num_workers
    return first.numpy()[::per_process]
