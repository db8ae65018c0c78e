"""The search space: the ranges of the components, replaced and extended by the tuning file."""

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
from tfmmrec.tuning.components import SAMPLERS
from tfmmrec.tuning.ranges import (
    active_if,
    describe,
    possible_values,
    read_range,
    with_conditions,
    with_default,
)

_KINDS: dict[str, Registry[Any]] = {"fusion": FUSIONS, "query": HISTORY_ENCODERS}
# Keys that are the same in all trials.
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
    """The search space of a search.

    Args:
        base: the config whose options trials replace.
        components: the names of the components that are searched.
        ranges: other ranges by key of the training file, see `TuneConfig.space`.
        dataset: the data folder, whose features may have weights.

    Attributes:
        hyperparameters: the search space, for Keras Tuner.
        values: the values of the base; the default where its value is out of range.
        base_values: the values of the base that are in range.

    Raises:
        ConfigError: a range is not valid, or its key cannot be searched.
    """

    def __init__(
        self, base: TrainConfig, components: list[str], ranges: Mapping[str, Any], dataset: Dataset
    ):
        FUSIONS.variant(base.fusion)
        HISTORY_ENCODERS.variant(base.history_encoder)
        self._base = base
        self._components = components
        self._dataset = dataset
        declared = keras_tuner.HyperParameters()
        self._draw(declared)
        known = [hp.name for hp in declared.space]
        space = [_ranged(hp, ranges, base) for hp in declared.space]
        self._extra_names = [name for name in ranges if name not in known]
        space += [self._extra(name, ranges[name], known) for name in self._extra_names]
        self.hyperparameters = keras_tuner.HyperParameters()
        self.hyperparameters.merge(_reachable(space))
        for name in ranges:
            if name not in {hp.name for hp in self.hyperparameters.space}:
                raise ConfigError(f"space.{name}: its condition is never met in the search space")
        self.values = dict(self.hyperparameters.values)
        self.base_values = {n: v for n, v in self.values.items() if _has(base, n, v)}

    def config(self, values: Mapping[str, Any]) -> TrainConfig:
        """The config of a trial.

        Args:
            values: of the active hyperparameters.

        Raises:
            ConfigError: the options do not go together.
        """
        hp = self.hyperparameters.copy()
        hp.values = dict(values)
        changes = self._draw(hp)
        for name in self._extra_names:
            if name in values:
                self._put(changes, name, values[name])
        return dataclasses.replace(self._base, **changes)

    def active(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the hyperparameters that are active with these values.

        Keras Tuner sends the inactive ones to workers as well.
        """
        hp = self.hyperparameters.copy()
        hp.values = {hp.name: values[hp.name] for hp in hp.space if hp.name in values}
        hp.ensure_active_values()
        return dict(hp.values)

    def describe(self) -> list[dict[str, Any]]:
        """The hyperparameters as JSON, see `ranges.describe`."""
        return [describe(hp) for hp in self.hyperparameters.space]

    def _draw(self, hp: keras_tuner.HyperParameters) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        for name in self._components:
            changes |= SAMPLERS[name](hp, self._base, self._dataset)
        return changes

    def _extra(self, name: str, given: Any, known: list[str]) -> Any:
        key, *inner = name.split(".")
        fields = {field.name for field in dataclasses.fields(TrainConfig)} - set(_UNSEARCHED)
        if key not in fields:
            near = [n for n in known if n.endswith("." + name)]
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise ConfigError(
                f"space.{name}: not a key of the training file that can be searched{hint}"
            )
        if _is_nested(getattr(self._base, key)) != bool(inner):
            raise ConfigError(
                f"space.{name}: "
                + (f"{key} has no keys in it" if inner else f"name a key in it, {key}.KEY")
            )
        hp = read_range(name, given, _at(self._base, name))
        if key not in _KINDS or inner[0] not in ("kind", *_KINDS[key].variants):
            return hp
        if f"{key}.kind" not in known:
            raise ConfigError(
                f"space.{name}: options of a kind need their component; add {key} to search"
            )
        return with_conditions(hp, active_if(f"{key}.kind", inner[0]))

    def _put(self, changes: dict[str, Any], name: str, value: Any) -> None:
        """Sets the value of a key."""
        key, *inner = _path(name)
        if not inner:
            changes[key] = value
            return
        mapping = changes[key] = _as_mapping(changes.get(key, getattr(self._base, key)))
        for step in inner[:-1]:
            below = mapping.get(step, {})
            # The short form of an encoder, its handle, becomes the mapping.
            mapping[step] = below if isinstance(below, dict) else {"handle": below}
            mapping = mapping[step]
        mapping[inner[-1]] = value


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping) or dataclasses.is_dataclass(value)


def _as_mapping(value: Any) -> dict[str, Any]:
    """A mapping or a nested config as a new mapping."""
    return copy.deepcopy(dict(value)) if isinstance(value, Mapping) else dataclasses.asdict(value)


def _ranged(hp: Any, ranges: Mapping[str, Any], base: TrainConfig) -> Any:
    """A declared hyperparameter with the range of the tuning file and the default of the base."""
    default = _at(base, hp.name)
    if hp.name not in ranges:
        return with_default(hp, default)
    given = read_range(hp.name, ranges[hp.name], hp.default if default is None else default)
    return with_conditions(given, hp.conditions)


def _path(name: str) -> list[str]:
    """The path of a key in the training file, where `fusion.gated.units` is `fusion.units`."""
    key, *inner = name.split(".")
    if key in _KINDS and len(inner) > 1 and inner[0] in _KINDS[key].variants:
        inner = inner[1:]
    return [key, *inner]


def _has(base: TrainConfig, name: str, value: Any) -> bool:
    """Whether a config has a value at a key, set or by default."""
    found = _at(base, name)
    if found is None and name.endswith(".weights"):
        return bool(value == "learned")
    return bool(found == value)


def _at(base: TrainConfig, name: str) -> Any:
    """The value of a key in a config; None if there is none."""
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
    """The hyperparameters whose conditions can be met; others would have no effect."""
    values = {
        hp.name: possible_values(hp)
        for hp in space
        if hasattr(hp, "values") or hasattr(hp, "value")
    }
    reachable: list[Any] = []
    for hp in space:
        names = {other.name for other in reachable}
        if all(c.name in names and set(c.values) & set(values[c.name]) for c in hp.conditions):
            reachable.append(hp)
    return reachable
