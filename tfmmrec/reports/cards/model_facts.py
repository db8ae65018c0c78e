"""Facts about a model for its model card, besides run.json and the metrics."""

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

_BUILTIN_LICENSE = "tfmmrec's own, Apache-2.0"
_NOT_STATED = "not stated"


@dataclasses.dataclass(frozen=True)
class UsedEncoder:
    """The encoder of one feature.

    Attributes:
        side: `items` or `users`.
        feature: name of the feature.
        modality: of the feature.
        handle: as in the training file (default `builtin`); for tabular features, the class.
        trained: whether it is fine-tuned with the towers.
        license: as stated in the folder of the module.
    """

    side: str
    feature: str
    modality: str
    handle: str
    trained: bool
    license: str


@dataclasses.dataclass(frozen=True)
class ModelFacts:
    """Facts about a model.

    Attributes:
        name: of the data.
        num_weights: number of trainable weights.
        num_items: number of items.
        num_users: number of users.
        num_events: number of training events.
        num_training_users: number of users with training events.
        max_history: number of the most recent events of a history that the model reads.
        reads_times: whether the model reads the times of the history.
        reads_user: whether the query tower has a user id embedding.
        heads_read_user: whether a rating or click head has parameters of each user.
        encoders: those of the model's features.
    """

    name: str
    num_weights: int
    num_items: int
    num_users: int
    num_events: int
    num_training_users: int
    max_history: int
    reads_times: bool
    reads_user: bool
    heads_read_user: bool
    encoders: tuple[UsedEncoder, ...]

    def features(self, side: str) -> list[str]:
        """Returns the names of the model's features of `items` or `users`."""
        return [used.feature for used in self.encoders if used.side == side]


def model_facts(bundle: ModelBundle) -> ModelFacts:
    """Collects the facts about a model."""
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
        num_training_users=len(np.unique(users)),
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
    for feature, described in encoded.describe().items():
        described = described.get("base", described)
        kind, license = encoded.modalities[feature].kind, _BUILTIN_LICENSE
        handle = str(described["encoder"])
        if "handle" in described:  # tabular encoders have none
            handle, *others = handles_of(given.get(feature, "builtin"))
            license = _license(handle, others)
            handle = ", preprocessor ".join([handle, *others])
        yield UsedEncoder(
            side, feature, kind, handle, feature in encoded.trainable_features, license
        )


def handles_of(declared: Any) -> list[str]:
    """Returns the handles of an encoder in a training file: its own, and the preprocessor's."""
    if isinstance(declared, str):
        return [declared]
    named = [declared.get("handle", "builtin"), declared.get("preprocessor")]
    return [str(handle) for handle in named if handle is not None]


def _license(handle: str, preprocessors: list[str]) -> str:
    if not handle.startswith("hub:"):
        return _BUILTIN_LICENSE
    modules = [handle.removeprefix("hub:"), *(name.removeprefix("hub:") for name in preprocessors)]
    found = [stated_license(module) or _NOT_STATED for module in modules]
    return "; preprocessor: ".join(found)


def training_date(run: Path) -> str | None:
    """Returns the day, in UTC, on which the training of a run started; None without logs.

    It is read from the names of the TensorBoard logs, since file dates change when a run is copied.
    For a resumed training, or one with several candidates, it is that of the last part.
    """
    names = [path.name for path in run.glob("tensorboard/**/events.out.tfevents.*")]
    found = [re.match(r"events\.out\.tfevents\.(\d{9,11})\.", name) for name in names]
    times = [int(match[1]) for match in found if match]
    return datetime.fromtimestamp(max(times), UTC).date().isoformat() if times else None
