"""On which devices a model is trained: the strategies that training files name."""

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
def training_on(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Within the block, models are built for a strategy."""
    token = _STRATEGY.set(strategy)
    try:
        yield
    finally:
        _STRATEGY.reset(token)


def current() -> tf.distribute.Strategy:
    """The strategy that models are built for.

    Variables are made in its scope. A module that is loaded there can be called in steps and
    outside of the scope, but not within it.
    """
    return _STRATEGY.get() or tf.distribute.get_strategy()


def chosen_strategy(name: str, cluster: Cluster) -> str:
    """What `auto` stands for here; other names stand for themselves."""
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
    return jit_compile or chosen_strategy(strategy, read_cluster()) == "tpu"


def serves(name: str) -> bool:
    """Whether this process is one that only serves a coordinator."""
    cluster = read_cluster()
    return chosen_strategy(name, cluster) == "parameter_server" and cluster.type in ("worker", "ps")


def create_strategy(name: str) -> tf.distribute.Strategy:
    """Makes a strategy, which has to come before whatever else TensorFlow is asked for.

    Raises:
        ConfigError: the machine, or TF_CONFIG, is not what the strategy needs.
    """
    cluster = read_cluster()
    chosen = chosen_strategy(name, cluster)
    if chosen == "mirrored":
        return _mirrored()
    if chosen == "multiworker":
        return _multiworker(cluster)
    if chosen == "parameter_server":
        return _parameter_server(cluster)
    if chosen == "tpu":
        return _tpu()
    # The one that is in force when nothing is.
    return tf.distribute.get_strategy()


@functools.cache  # two of them in one process take each other's messages
def _mirrored() -> tf.distribute.Strategy:
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) == 1:
        _note(f"strategy: mirrored has one device here, {devices[0].name}, and trains on it")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def _multiworker(cluster: Cluster) -> tf.distribute.Strategy:
    if not cluster.num_workers:
        raise ConfigError(
            "strategy: multiworker needs TF_CONFIG, in each process with its own task: " + EXAMPLE
        )
    if cluster.tasks.get("ps"):
        raise ConfigError("strategy: multiworker, but TF_CONFIG has ps tasks; use parameter_server")
    if cluster.num_workers == 1:
        _note("strategy: multiworker has one worker in TF_CONFIG, and trains on it alone")
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
        # Tables of many rows are spread over the servers.
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
    """Whether workers take steps by themselves, with weights that others move meanwhile."""
    return isinstance(strategy, tf.distribute.ParameterServerStrategy)


def is_shared(strategy: tf.distribute.Strategy) -> bool:
    """Whether several processes run the same program, and have to decide alike."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def leads(strategy: tf.distribute.Strategy) -> bool:
    """Whether it is this process that writes what is to stay."""
    return not is_shared(strategy) or read_cluster().leads


@contextlib.contextmanager
def with_others(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Within the block, that another process is gone is said as such.

    Raises:
        DataError: another process is gone.
    """
    try:
        yield
    except tf.errors.OpError as error:
        if not (is_shared(strategy) and "ollective" in str(error)) and not (
            is_asynchronous(strategy) and isinstance(error, tf.errors.UnavailableError)
        ):
            raise
        raise DataError(
            "another process of this training stopped, and said why; start all of them again, "
            "with --resume where they had trained for an epoch"
        ) from None


def of_all(strategy: tf.distribute.Strategy, values: np.ndarray) -> np.ndarray:
    """The numbers that each process has, `[processes, n]`; all of them have to ask.

    Args:
        strategy: of the model.
        values: float32 or int32 `[n]`.
    """
    if not is_shared(strategy):
        return values[np.newaxis]

    def ask() -> tf.Tensor:
        return replicas.gather(tf.constant(values)[tf.newaxis])

    [first, *_] = strategy.experimental_local_results(strategy.run(tf.function(ask)))
    # Each of a process's replicas says the same.
    each = strategy.num_replicas_in_sync // read_cluster().num_workers
    return first.numpy()[::each]
