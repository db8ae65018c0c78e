"""What a model card has to know of a model, beside what run.json and the metrics say."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.encoders.encoded_features import EncodedEntities
from tfmmrec.encoders.hub.license import stated_license
from tfmmrec.models.bundle import ModelBundle

_BUILTIN_LICENCE = "tfmmrec's own, Apache-2.0"
_NOT_STATED = "not stated"


@dataclasses.dataclass(frozen=True)
class UsedEncoder:
    """What reads one feature.

    Attributes:
        side: `items` or `users`.
        feature: its name.
        modality: its kind.
        handle: what the training file says, `builtin` by default; of what tables hold, the class.
        trained: whether it is trained with the towers.
        licence: as the module's folder states it.
    """

    side: str
    feature: str
    modality: str
    handle: str
    trained: bool
    licence: str


@dataclasses.dataclass(frozen=True)
class ModelFacts:
    """What is known of a model.

    Attributes:
        name: of the data.
        num_weights: how many numbers are trained.
        num_items: how many items there are.
        num_users: how many users there are.
        num_events: how many events the model is taught.
        num_taught_users: of how many users these are.
        max_history: how many of a user's last choices are read.
        reads_times: whether it counts when they were.
        reads_user: whether the query tower has a learned vector for each user.
        heads_read_user: whether what predicts ratings or clicks has something of each user's own.
        encoders: of the features that are read.
    """

    name: str
    num_weights: int
    num_items: int
    num_users: int
    num_events: int
    num_taught_users: int
    max_history: int
    reads_times: bool
    reads_user: bool
    heads_read_user: bool
    encoders: tuple[UsedEncoder, ...]

    def features(self, side: str) -> list[str]:
        """The names of the features that are read of `items` or `users`."""
        return [used.feature for used in self.encoders if used.side == side]


def model_facts(bundle: ModelBundle) -> ModelFacts:
    """Collects what is known of a model."""
    dataset, model = bundle.dataset, bundle.model
    users = np.repeat(np.arange(dataset.count("users")), np.diff(bundle.histories.offsets))
    if model.ranks_by != "retrieval":
        users = bundle.outcomes.user
    given = bundle.config.encoders
    return ModelFacts(
        name=dataset.schema.name,
        num_weights=sum(int(np.prod(weight.shape)) for weight in model.trainable_variables),
        num_items=dataset.count("items"),
        num_users=dataset.count("users"),
        num_events=len(users),
        num_taught_users=len(np.unique(users)),
        max_history=bundle.model.query_tower.max_history,
        reads_times=bundle.model.reads_times,
        reads_user=model.query_tower.reads_user,
        heads_read_user=any(head.reads_ids for head in model.heads),
        encoders=(
            *_used_encoders("items", bundle.items, given),
            *_used_encoders("users", bundle.users, given),
        ),
    )


def _used_encoders(
    side: str, encoded: EncodedEntities, given: Mapping[str, Any]
) -> Iterator[UsedEncoder]:
    for feature, encoder in encoded.encoders.items():
        told = encoder.describe()
        told = told.get("base", told)
        kind, licence = encoded.modalities[feature].kind, _BUILTIN_LICENCE
        handle = str(told["encoder"])
        if "handle" in told:  # what tables hold has none
            handle, *others = handles_of(given.get(feature, "builtin"))
            licence = _licence(handle, others)
            handle = ", behind ".join([handle, *others])
        yield UsedEncoder(
            side, feature, kind, handle, feature in encoded.trainable_features, licence
        )


def handles_of(declared: Any) -> list[str]:
    """The handles in what a training file says of an encoder: its own, and the preprocessor's."""
    if isinstance(declared, str):
        return [declared]
    named = [declared.get("handle", "builtin"), declared.get("preprocessor")]
    return [str(handle) for handle in named if handle is not None]


def _licence(handle: str, preprocessors: list[str]) -> str:
    if not handle.startswith("hub:"):
        return _BUILTIN_LICENCE
    modules = [handle.removeprefix("hub:"), *(name.removeprefix("hub:") for name in preprocessors)]
    found = [stated_license(module) or _NOT_STATED for module in modules]
    return "; of the preprocessor: ".join(found)


def training_date(run: Path) -> str | None:
    """The day, in UTC, when the training of a run began, as its TensorBoard logs are named.

    Dates of files do not tell: they change when a run is copied. Of a training that was resumed, or
    that chose between several, it is the last part. None where there are no logs.
    """
    names = [path.name for path in run.glob("tensorboard/**/events.out.tfevents.*")]
    found = [re.match(r"events\.out\.tfevents\.(\d{9,11})\.", name) for name in names]
    times = [int(match[1]) for match in found if match]
    return datetime.fromtimestamp(max(times), UTC).date().isoformat() if times else None
