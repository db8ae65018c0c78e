"""Whether encodings stay in their files during training: the key `features_on`."""

from collections.abc import Sequence

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.distribute.cluster import read_cluster
from tfmmrec.distribute.free_memory import free_memory
from tfmmrec.distribute.strategies import resolve_strategy
from tfmmrec.encoders.encoded_features import EncodedEntities
from tfmmrec.errors import ConfigError

# Of the free memory, the part that encodings may take with `auto`. Models that are trained side by
# side have a copy each.
_SHARE = 0.25
_STRATEGIES = ("one", "mirrored")


def check_features_on(config: TrainConfig) -> None:
    """Raises ConfigError if encodings must stay in files that the devices cannot read."""
    obstacle = _obstacle(config)
    if config.features_on == "host" and obstacle:
        raise ConfigError(
            f"features_on: host does not go with {obstacle}; leave one of the two out"
        )


def stays_on_host(config: TrainConfig, entities: Sequence[EncodedEntities]) -> bool:
    """Returns whether the encodings of frozen encoders stay in their files.

    Args:
        config: of the training.
        entities: the encoded items and users.

    Raises:
        ConfigError: they do not fit into the memory.
    """
    check_features_on(config)
    if config.features_on == "host":
        return True
    size = sum(
        encodings.values.nbytes
        for each in entities
        for name, encodings in each.encodings.items()
        if name not in each.trainable_features
    )
    free, obstacle = free_memory(), _obstacle(config)
    if config.features_on == "auto" and not obstacle:
        return size > _SHARE * free
    if size > free:
        advice = "use features_on: host"
        raise ConfigError(
            f"features_on: the encodings of items and users take {_gib(size)}, and {_gib(free)} "
            f"of memory are free; {advice}" + (f" without {obstacle}" if obstacle else "")
        )
    return False


def _obstacle(config: TrainConfig) -> str | None:
    """What keeps a training step from reading files, as a key of the training file with its value.

    Files are read by calls to Python, which neither XLA nor other processes make.
    """
    if config.jit_compile:
        return "jit_compile"
    strategy = resolve_strategy(config.strategy, read_cluster())
    return None if strategy in _STRATEGIES else f"strategy: {strategy}"


def _gib(size: float) -> str:
    return f"{size / 2**30:.1f} GiB"
