"""What a training file says of the encoder of one feature."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from tfmmrec.config.known_fields import known_fields
from tfmmrec.config.parse import parse
from tfmmrec.errors import ConfigError


@known_fields
@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """Which encoder reads a feature, and what has to be known to call it.

    Attributes:
        handle: `builtin`, `builtin:NAME` or `hub:HANDLE`.
        picture_size: of pictures, or (height, width); by default what the module asks for, else
            224.
        value_range: of the pictures' values, (low, high); by default (0, 1), and (0, 255) for a
            module that takes whole numbers.
        sample_rate: of waveforms in Hz; by default 16,000.
        max_seconds: what sounds are cut to; by default 10.
        preprocessor: a second HANDLE, of a module that makes the encoder's inputs of texts.
        signature: the name of the signature to call, instead of the module itself.
        input: the name of the one input, of several that would do.
        output: the name of the output, or its number, of several.
        pool: what becomes of an axis of tokens or frames.
        pool_values: how several values of a feature, or the pictures of a video, become one vector:
            by their mean, or by attention that is learned with the towers.
    """

    handle: str = "builtin"
    picture_size: int | tuple[int, int] | None = None
    value_range: tuple[float, float] | None = None
    sample_rate: int | None = None
    max_seconds: float | None = None
    preprocessor: str | None = None
    signature: str | None = None
    input: str | None = None
    output: str | int | None = None
    pool: Literal["mean", "max"] = "mean"
    pool_values: Literal["mean", "attention"] = "mean"

    # What there is to say of any module is not in it.
    by_modality: ClassVar[dict[str, tuple[str, ...]]] = {
        "text": ("preprocessor",),
        "image": ("picture_size", "value_range"),
        "audio": ("sample_rate", "max_seconds"),
    }

    def __post_init__(self) -> None:
        kind, _, name = self.handle.partition(":")
        if self.handle != "builtin" and not (kind in ("builtin", "hub") and name):
            raise ConfigError(
                f"handle must be builtin, builtin:NAME or hub:HANDLE. Received: {self.handle!r}"
            )
        size = self.picture_size
        if size is not None and not _is_size(size if isinstance(size, tuple) else (size, size)):
            raise ConfigError(
                f"picture_size must be a whole number above 0, or [height, width]. Received: {size}"
            )
        if self.value_range is not None and not _is_range(self.value_range):
            raise ConfigError(
                f"value_range must be [low, high], two numbers. Received: {self.value_range}"
            )
        if self.input is not None and self.preprocessor is not None:
            raise ConfigError("input must be left out: the preprocessor names all of them")
        for option in ("sample_rate", "max_seconds"):
            value = getattr(self, option)
            if value is not None and not value > 0:
                raise ConfigError(f"{option} must be above 0. Received: {value}")

    @property
    def builtin(self) -> str | None:
        """The NAME of a built-in encoder, "" for the default one; None of a module."""
        kind, _, name = self.handle.partition(":")
        return name if kind == "builtin" else None

    def call_options(self) -> dict[str, Any]:
        """What is said of how to call a module, by name."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("handle", "pool_values")
            and getattr(self, field.name) != field.default
        }


def parse_choice(feature: str, declared: Any) -> EncoderConfig:
    """Parses what a training file says under `encoders.FEATURE`, without knowing the feature.

    Args:
        feature: the feature's name.
        declared: a handle, or a mapping of it and options.

    Raises:
        ConfigError: an option is unknown or wrong.
    """
    what = f"encoders.{feature}"
    options = {"handle": declared} if isinstance(declared, str) else declared
    if not isinstance(options, Mapping):
        raise ConfigError(
            f"{what}: write builtin, builtin:NAME, hub:HANDLE, or a mapping with one of them as "
            f"handle. Received: {declared!r}"
        )
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    return parse(EncoderConfig, options, what, joint=".")


def read_choice(feature: str, declared: Any, kind: str) -> EncoderConfig:
    """Parses what a training file says under `encoders.FEATURE`, and checks that it fits.

    Args:
        feature: the feature's name.
        declared: a handle, or a mapping of it and options.
        kind: what is encoded, such as `text`.

    Raises:
        ConfigError: an option is unknown, wrong, or means nothing for the encoder.
    """
    choice = parse_choice(feature, declared)
    _refuse_misfits(choice, f"encoders.{feature}", kind)
    return choice


def _refuse_misfits(choice: EncoderConfig, what: str, kind: str) -> None:
    if kind not in choice.by_modality and choice.handle != "builtin":
        raise ConfigError(f"{what}.handle: a feature of modality {kind} takes builtin")
    for option in choice.call_options():
        if choice.builtin is not None:
            raise ConfigError(f"{what}.{option}: is for hub:HANDLE; {choice.handle} has no options")
        for modality, own in choice.by_modality.items():
            if option in own and modality != kind:
                raise ConfigError(f"{what}.{option}: is for {modality}; this feature is {kind}")


def _is_size(size: tuple[Any, ...]) -> bool:
    return len(size) == 2 and all(type(side) is int and side > 0 for side in size)


def _is_range(ends: tuple[Any, ...]) -> bool:
    return (
        len(ends) == 2
        and all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends)
        and ends[0] < ends[1]
    )
