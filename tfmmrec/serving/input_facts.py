"""signatures.json of an export: what a request may leave out, and how a feature is packed."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfmmrec.data.storage import atomic_write
from tfmmrec.modalities import Modality, create
from tfmmrec.serving.input_names import ServedInputs

SIGNATURES_FILE = "signatures.json"
DEFAULT_K = 10

# The inputs that are no features and may be left out, with the value of one that is: "" for
# strings, 0 for an unknown time.
_OPTIONAL: Mapping[str, Any] = {"exclude": "", "user": "", "history_time": 0, "k": DEFAULT_K}
# The input whose rows are as long.
_AS_LONG_AS = {"history_time": "history"}


@dataclasses.dataclass(frozen=True)
class InputFacts:
    """What is known of an input beside its type and shape.

    Attributes:
        required: whether a request must have the input.
        absent: the value of an input, or of an element of a list, that is left out or null; None
            for "" of strings and NaN of floats.
        as_long_as: the input that has as many values per row, such as the history of its times.
        feature: the feature whose value it is; None if it is no feature.
        modality: the modality of the feature.
    """

    required: bool = True
    absent: Any = None
    as_long_as: str | None = None
    feature: str | None = None
    modality: Modality | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns what `from_json` reads; what is None is left out."""
        found = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        if self.modality is not None:
            found["modality"] = self.modality.options()
        return {name: value for name, value in found.items() if value is not None}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "InputFacts":
        """Reads what `to_json` returns."""
        modality = content.get("modality")
        return cls(**{**content, "modality": None if modality is None else create(modality)})


# By signature and input.
Facts = Mapping[str, Mapping[str, InputFacts]]


def write_facts(
    folder: Path,
    specs: Mapping[str, Mapping[str, Any]],
    inputs: ServedInputs,
    items: Mapping[str, Modality],
    users: Mapping[str, Modality],
) -> None:
    """Writes signatures.json into the folder of a version.

    Args:
        folder: the folder with saved_model.pb.
        specs: the specs of the inputs of each signature, as `input_specs` returns them.
        inputs: how features are named in requests.
        items: the modalities of the item features that the model reads.
        users: those of the user features.
    """
    features = {key: (name, items[name]) for name, key in inputs.items.items()}
    features |= {key: (name, users[name]) for name, key in inputs.users.items()}
    signatures = {}
    for signature, own in sorted(specs.items()):
        described = {}
        for key, spec in sorted(own.items()):
            feature, modality = features.get(key, (None, None))
            facts = InputFacts(
                required=feature is None and key not in _OPTIONAL,
                absent=_OPTIONAL.get(key) if feature is None else None,
                as_long_as=_AS_LONG_AS.get(key) if feature is None else None,
                feature=feature,
                modality=modality,
            )
            shape = spec.shape.as_list()
            described[key] = {"dtype": spec.dtype.name, "shape": shape, **facts.to_json()}
        signatures[signature] = {"inputs": described}
    with atomic_write(folder / SIGNATURES_FILE) as file:
        text = json.dumps({"signatures": signatures}, ensure_ascii=False, indent=1)
        file.write(text.encode() + b"\n")


def read_facts(folder: Path) -> Facts:
    """Reads signatures.json from the folder of a version; nothing if there is none."""
    path = folder / SIGNATURES_FILE
    if not path.exists():  # not an export of tfmmrec: all inputs are needed
        return {}
    signatures = json.loads(path.read_text(encoding="utf-8"))["signatures"]
    return {
        signature: {
            key: InputFacts.from_json(
                {name: value for name, value in own.items() if name not in ("dtype", "shape")}
            )
            for key, own in content["inputs"].items()
        }
        for signature, content in signatures.items()
    }
