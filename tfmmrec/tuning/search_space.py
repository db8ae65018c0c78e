"""The search space of a search: what its parts declare, narrowed and widened by the tuning file."""

import copy
import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

import keras_tuner

from tfmmrec.config.registry import Registry
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.errors import ConfigError
from tfmmrec.layers.fusion import FUSIONS
from tfmmrec.layers.history import HISTORY_ENCODERS
from tfmmrec.tuning.components import PARTS
from tfmmrec.tuning.ranges import describe, possible, read_range, under, where, with_default

_KINDS: dict[str, Registry[Any]] = {"fusion": FUSIONS, "query": HISTORY_ENCODERS}
# What all trials have in common, or what only trains longer.
_UNSEARCHED = (
    "cache",
    "checkpoints",
    "epochs",
    "features",
    "finetune",
    "objective",
    "quiet",
    "refit",
    "seed",
)


class Space:
    """Which trainings a search may try.

    Args:
        base: the training that each trial starts from.
        parts: the names of those whose options are searched.
        ranges: by key of the training file, what is searched instead or as well; see `TuneConfig`.
        dataset: the data folder, whose features have weights.

    Attributes:
        hyperparameters: what a trial draws.
        values: those of the base, and the defaults of what does not have the base's in its range.
        own_values: those of the base alone.

    Raises:
        ConfigError: a range is none, or its key is none of the training file.
    """

    def __init__(
        self, base: TrainConfig, parts: list[str], ranges: Mapping[str, Any], dataset: Dataset
    ):
        FUSIONS.variant(base.fusion)
        HISTORY_ENCODERS.variant(base.history_encoder)
        self._base = base
        self._parts = parts
        self._dataset = dataset
        declared = keras_tuner.HyperParameters()
        self._draw(declared)
        known = [hp.name for hp in declared.space]
        space = [_ranged(hp, ranges, base) for hp in declared.space]
        self._widened = [name for name in ranges if name not in known]
        space += [self._widen(name, ranges[name], known) for name in self._widened]
        self.hyperparameters = keras_tuner.HyperParameters()
        self.hyperparameters.merge(_reachable(space))
        for name in ranges:
            if name not in {hp.name for hp in self.hyperparameters.space}:
                raise ConfigError(f"space.{name}: nothing that is searched leads to it")
        self.values = dict(self.hyperparameters.values)
        self.own_values = {n: v for n, v in self.values.items() if _has(base, n, v)}

    def config(self, values: Mapping[str, Any]) -> TrainConfig:
        """The training of a trial.

        Args:
            values: of the hyperparameters that are active in it.

        Raises:
            ConfigError: these do not go together.
        """
        hp = self.hyperparameters.copy()
        hp.values = dict(values)
        changes = self._draw(hp)
        for name in self._widened:
            if name in values:
                self._put(changes, name, values[name])
        return dataclasses.replace(self._base, **changes)

    def active(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Without the values of what is not active in the others.

        Keras Tuner leaves some in what it sends to workers.
        """
        hp = self.hyperparameters.copy()
        hp.values = {hp.name: values[hp.name] for hp in hp.space if hp.name in values}
        hp.ensure_active_values()
        return dict(hp.values)

    def describe(self) -> list[dict[str, Any]]:
        """The hyperparameters in plain words."""
        return [describe(hp) for hp in self.hyperparameters.space]

    def _draw(self, hp: keras_tuner.HyperParameters) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        for part in self._parts:
            changes |= PARTS[part](hp, self._base, self._dataset)
        return changes

    def _widen(self, name: str, given: Any, known: list[str]) -> Any:
        key, *inner = name.split(".")
        fields = {field.name for field in dataclasses.fields(TrainConfig)} - set(_UNSEARCHED)
        if key not in fields:
            near = [n for n in known if n.endswith("." + name)]
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise ConfigError(
                f"space.{name}: no key of the training file that can be searched{hint}"
            )
        if _is_nested(getattr(self._base, key)) != bool(inner):
            raise ConfigError(
                f"space.{name}: "
                + ("the key has no others in it" if inner else f"name a key in it, {key}.KEY")
            )
        hp = read_range(name, given, _at(self._base, name))
        if key not in _KINDS or inner[0] not in ("kind", *_KINDS[key].variants):
            return hp
        if f"{key}.kind" not in known:
            raise ConfigError(
                f"space.{name}: kinds have options of their own; name {key} in search as well"
            )
        return under(hp, where(f"{key}.kind", inner[0]))

    def _put(self, changes: dict[str, Any], name: str, value: Any) -> None:
        """Puts a value at the place of its key."""
        key, *inner = _path(name)
        if not inner:
            changes[key] = value
            return
        place = changes[key] = _as_mapping(changes.get(key, getattr(self._base, key)))
        for step in inner[:-1]:
            below = place.get(step, {})
            # A name that stands for a mapping, an encoder's handle, becomes the mapping of it.
            place[step] = below if isinstance(below, dict) else {"handle": below}
            place = place[step]
        place[inner[-1]] = value


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping) or dataclasses.is_dataclass(value)


def _as_mapping(value: Any) -> dict[str, Any]:
    """A copy of a mapping or of a nested config that may be changed."""
    return copy.deepcopy(dict(value)) if isinstance(value, Mapping) else dataclasses.asdict(value)


def _ranged(hp: Any, ranges: Mapping[str, Any], base: TrainConfig) -> Any:
    """A declared hyperparameter in the range of the tuning file, by default what the base has."""
    default = _at(base, hp.name)
    if hp.name not in ranges:
        return with_default(hp, default)
    given = read_range(hp.name, ranges[hp.name], hp.default if default is None else default)
    return under(given, hp.conditions)


def _path(name: str) -> list[str]:
    """Where a key stands in the training file, in which `fusion.gated.units` is `fusion.units`."""
    key, *inner = name.split(".")
    if key in _KINDS and len(inner) > 1 and inner[0] in _KINDS[key].variants:
        inner = inner[1:]
    return [key, *inner]


def _has(base: TrainConfig, name: str, value: Any) -> bool:
    """Whether a config has a value at a key, by default or not."""
    own = _at(base, name)
    if own is None and name.endswith(".weights"):
        return bool(value == "learned")
    return bool(own == value)


def _at(base: TrainConfig, name: str) -> Any:
    """What a config has at a key; None where it has nothing there."""
    key, *inner = name.split(".")
    kinds = _KINDS.get(key)
    if kinds is not None and len(inner) > 1 and inner[0] in kinds.variants:
        config = base.history_encoder if key == "query" else base.fusion
        if config.get("kind") != inner[0]:
            return None
        if inner[1] not in config:
            declared = inspect.signature(kinds.variants[inner[0]].__init__).parameters
            return declared[inner[1]].default if inner[1] in declared else None
    if key == "encoders" and len(inner) == 1:
        return base.encoders.get(inner[0], "builtin")
    value: Any = base
    for step in _path(name):
        value = value.get(step) if isinstance(value, Mapping) else getattr(value, step, None)
    return value


def _reachable(space: list[Any]) -> list[Any]:
    """Without those whose conditions nothing can meet, which would be directions of no meaning."""
    values = {
        hp.name: possible(hp) for hp in space if hasattr(hp, "values") or hasattr(hp, "value")
    }
    kept: list[Any] = []
    for hp in space:
        there = {other.name for other in kept}
        if all(c.name in there and set(c.values) & set(values[c.name]) for c in hp.conditions):
            kept.append(hp)
    return kept
