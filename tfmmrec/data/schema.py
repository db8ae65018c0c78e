"""The schema of a data folder: the modalities of the features, stored in schema.json."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec import modalities
from tfmmrec.data.interactions.events import Interactions
from tfmmrec.data.interactions.kinds import EventKinds
from tfmmrec.data.storage import DATA_FORMAT, check_format
from tfmmrec.errors import ConfigError
from tfmmrec.modalities import Modality

TABLES = "tables"
# The values of the key `interactions.repeats`.
REPEATS = {False: "exclude", True: "allow"}


@dataclasses.dataclass(frozen=True)
class Schema:
    """The features of the items and users of a data folder.

    Attributes:
        name: the name of the data set.
        items: item features by name.
        users: user features by name.
        has_time: whether interactions have times.
        has_rating: whether interactions have ratings.
        kinds: the kinds of the interactions and their weights; empty if they have no kinds.
        allows_repeats: whether items are recommended again to users who chose them.
    """

    name: str
    items: Mapping[str, Modality]
    users: Mapping[str, Modality]
    has_time: bool = False
    has_rating: bool = False
    kinds: EventKinds = EventKinds()
    allows_repeats: bool = False

    @property
    def excludes_histories(self) -> bool:
        """Whether what is no candidate is what is in the history, see `are_excluded`."""
        return not (self.ranks_histories or self.kinds.have_dislikes)

    @property
    def ranks_histories(self) -> bool:
        """Whether items of a history can be candidates: see `are_excluded`."""
        return self.allows_repeats or self.kinds.are_weighted

    def are_excluded(self, events: Interactions) -> np.ndarray:
        """Whether the item of each event is no candidate for its user any more, bool `[events]`.

        These are disliked items and, unless repeats are allowed, those that the user chose or
        rated, however low. In a log with kinds, they are chosen by an event of the largest weight:
        what was viewed can still be bought.
        """
        if self.allows_repeats:
            return events.disliked
        return self.kinds.are_targets(events) | events.disliked | events.rated

    def save(self, path: Path) -> None:
        """Writes schema.json."""
        log: dict[str, Any] = {"time": self.has_time, "rating": self.has_rating}
        if self.kinds:
            log["kinds"] = dict(self.kinds.weights)
        if self.allows_repeats:
            log["repeats"] = REPEATS[True]
        content = {
            "format": DATA_FORMAT,
            "name": self.name,
            "items": _declared(self.items),
            "users": _declared(self.users),
            "interactions": log,
        }
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Schema":
        """Reads schema.json; raises DataError if it has another format."""
        content = json.loads(path.read_text(encoding="utf-8"))
        check_format(path, content, "data", DATA_FORMAT, "pack it again")
        return cls(
            name=content["name"],
            items=create_features(content["items"], f"{path}: items"),
            users=create_features(content["users"], f"{path}: users"),
            has_time=content["interactions"]["time"],
            has_rating=content["interactions"]["rating"],
            kinds=EventKinds(content["interactions"].get("kinds", {})),
            allows_repeats=content["interactions"].get("repeats") == REPEATS[True],
        )


def create_features(declared: Mapping[str, Any], where: str) -> dict[str, Modality]:
    """Builds the modalities of `{feature: {modality: …}}`.

    Each feature is followed by the features that packing derives from it, named FEATURE_SUFFIX.

    Args:
        declared: the declarations by feature.
        where: the file and key, with which error messages start.

    Raises:
        ConfigError: a declaration is invalid.
    """
    features: dict[str, Modality] = {}
    for name, options in declared.items():
        _check_name(name, where)
        if not isinstance(options, Mapping):
            raise ConfigError(f"{where}.{name}: write {{modality: …}}. Received: {options!r}")
        try:
            features[name] = modalities.create(dict(options))
        except ConfigError as error:
            raise ConfigError(f"{where}.{name}: {error}") from None
        for suffix, derived in features[name].derived().items():
            if f"{name}_{suffix}" in declared:
                raise ConfigError(
                    f"{where}.{name}_{suffix}: {name} derives a feature of that name; "
                    "rename the column"
                )
            features[f"{name}_{suffix}"] = derived
    return features


def _check_name(name: Any, where: str) -> None:
    """Raises ConfigError unless records can keep a feature of that name: almost any text."""
    if not isinstance(name, str):
        raise ConfigError(f'{where}: YAML reads a name as {name!r}; put it in quotes: "no", "2019"')
    if not name:
        raise ConfigError(f"{where}: a feature has an empty name; give the column a name")
    if name == "id":
        raise ConfigError(f"{where}.id: records keep the row's own id under that name; rename")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{where}: {name!a} has half a character; rename the column") from None


def split_optional(
    declared: Mapping[str, Any], where: str
) -> tuple[dict[str, Any], frozenset[str]]:
    """Splits `optional: true` from the declarations of features.

    Args:
        declared: the declarations by feature.
        where: the file and key, with which error messages start.

    Returns:
        The declarations without the key, and the features that may lack every value.

    Raises:
        ConfigError: the key is neither true nor false.
    """
    features, optional = dict(declared), set()
    for name, options in declared.items():
        if isinstance(options, Mapping) and "optional" in options:
            features[name] = {key: value for key, value in options.items() if key != "optional"}
            if not isinstance(options["optional"], bool):
                raise ConfigError(
                    f"{where}.{name}.optional: must be true or false. "
                    f"Received: {options['optional']!r}"
                )
            optional |= {name} if options["optional"] else set()
    return features, frozenset(optional)


def derived_names(features: Mapping[str, Modality]) -> set[str]:
    """Returns the names of the features that packing derives from others."""
    return {
        f"{name}_{suffix}" for name, modality in features.items() for suffix in modality.derived()
    }


def _declared(features: Mapping[str, Modality]) -> dict[str, Any]:
    """Returns the declarations of the features, without derived ones."""
    derived = derived_names(features)
    return {name: features[name].options() for name in features if name not in derived}


def features_by_modality(modalities: Mapping[str, Modality]) -> dict[str, list[str]]:
    """Groups features by modality: text, image, audio, …, and `tables` for tabular features.

    A feature of several values is grouped by its values: the frames of a video are images.
    """
    groups: dict[str, list[str]] = {}
    for name, modality in modalities.items():
        group = TABLES if modality.is_tabular else modality.value_kind
        groups.setdefault(group, []).append(name)
    return groups
