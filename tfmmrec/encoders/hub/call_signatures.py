"""The call signatures of a SavedModel, found by inspection of its functions, not by its name."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow as tf

from tfmmrec.errors import ConfigError

_FLOATS = (tf.float32, tf.float16, tf.bfloat16, tf.float64)


@dataclasses.dataclass(frozen=True)
class _ValueSpec:
    """The prepared values of a family of encoders.

    Attributes:
        batch: a batch of them, for error messages.
        rank: the rank of one value.
        dtypes: the types in which it can be passed.
    """

    batch: str
    rank: int
    dtypes: tuple[tf.DType, ...]


_VALUES = {
    "text": _ValueSpec("strings [batch]", 0, (tf.string,)),
    "image": _ValueSpec("pictures [batch, height, width, 3]", 3, (*_FLOATS, tf.uint8, tf.int32)),
    "audio": _ValueSpec("waveforms [batch, samples]", 1, _FLOATS),
}
# The order of a preprocessor's named outputs in modules that take a list.
_TOKENS = ("input_word_ids", "input_mask", "input_type_ids")
_RATE = "sample_rate"


@dataclasses.dataclass(frozen=True)
class CallSignature:
    """One way to call a module.

    Attributes:
        function: the module itself, or one of its signatures.
        name: `call` for the module itself, or the name of the signature.
        layout: how inputs are passed: one `tensor`, a `dict`, a `list`, or by `keywords`.
        specs: specs of the inputs by name.
        rate: spec of an additional input `sample_rate`, or None.
        takes_training: whether there is an argument `training`.
        trains: whether `training` may be true.
    """

    function: Callable[..., Any]
    name: str
    layout: str
    specs: Mapping[str, tf.TensorSpec]
    rate: tf.TensorSpec | None
    takes_training: bool = False
    trains: bool = False

    @property
    def spec(self) -> tf.TensorSpec:
        """The spec of the first input, which usually is the only one."""
        return next(iter(self.specs.values()))

    def is_batched(self, kind: str) -> bool:
        """Returns whether the input has a batch axis; an input of unknown rank is assumed to."""
        return self.spec.shape.rank != _VALUES[kind].rank

    def takes(self, kind: str, name: str | None) -> bool:
        """Returns whether it has a single input that fits a modality, called `name` if given."""
        rank, dtypes = _VALUES[kind].rank, _VALUES[kind].dtypes
        shape = self.spec.shape
        fits = shape.rank in (None, rank, rank + 1)
        # Keras models of texts take them as a column, [batch, 1].
        fits = fits or (rank == 0 and shape.rank == 2 and shape[1] == 1)
        is_named = name in (None, *self.specs)
        return len(self.specs) == 1 and fits and is_named and self.spec.dtype in dtypes

    def takes_tokens(self, tokens: Any) -> bool:
        """Returns whether the output of a preprocessor fits its inputs."""
        if self.layout == "tensor" or not isinstance(tokens, Mapping):
            return len(self.specs) == 1 and not isinstance(tokens, Mapping | list | tuple)
        return set(self._token_names()) <= set(tokens)

    def _token_names(self) -> tuple[str, ...]:
        named = set(self.specs) <= set(_TOKENS) or self.layout != "list"
        return tuple(self.specs) if named else _TOKENS[: len(self.specs)]

    def __call__(self, inputs: Any, *, training: bool, sample_rate: int) -> Any:
        """Calls the module.

        Args:
            inputs: the single input, or all inputs by name.
            training: passed if the module accepts it.
            sample_rate: in Hz, passed if the module accepts it.
        """
        extra: dict[str, Any] = {}
        if self.takes_training:
            extra["training"] = training and self.trains
        if self.rate is not None:
            extra[_RATE] = tf.cast(sample_rate, self.rate.dtype)
        if not isinstance(inputs, Mapping):
            values = {name: _match_spec(inputs, spec) for name, spec in self.specs.items()}
        else:
            values = {
                name: _match_spec(inputs[token], spec)
                for token, (name, spec) in zip(self._token_names(), self.specs.items(), strict=True)
            }
        if self.layout == "keywords":
            return self.function(**values, **extra)
        if self.layout == "dict":
            return self.function(values, **extra)
        listed = list(values.values())
        return self.function(listed if self.layout == "list" else listed[0], **extra)

    def format(self) -> str:
        """Returns its name and inputs as one line for people."""
        inputs = ", ".join(f"{name}: {format_spec(spec)}" for name, spec in self.specs.items())
        return f"{self.name}({inputs})"


def find_call_signatures(module: Any, handle: str, signature: str | None) -> list[CallSignature]:
    """Finds the ways to call a module: itself, then `serving_default`, `default` or the only one.

    Args:
        module: a loaded SavedModel.
        handle: its handle, for error messages.
        signature: the signature to use, or None to use any.

    Raises:
        ConfigError: the signature does not exist, or nothing can be called.
    """
    signatures = getattr(module, "signatures", {})
    if signature is not None:
        if signature not in signatures:
            raise ConfigError(
                f"encoder {handle}: has no signature {signature!r}; "
                f"it has {', '.join(signatures) or 'none'}"
            )
        return [_from_signature(signature, signatures[signature])]
    found = list(_from_call(module)) if callable(module) else []
    usual = [name for name in ("serving_default", "default") if name in signatures]
    usual = usual or (list(signatures) if len(signatures) == 1 else [])
    found += [_from_signature(name, signatures[name]) for name in usual]
    if not found:
        raise ConfigError(
            f"encoder {handle}: is not callable; "
            + (f"set signature to one of {', '.join(signatures)}" if signatures else "it is empty")
        )
    return found


def choose_call_signature(
    call_signatures: list[CallSignature], kind: str, name: str | None, handle: str
) -> CallSignature:
    """Chooses the first call signature that accepts a modality, preferably one with a batch axis.

    Args:
        call_signatures: those of the module.
        kind: `text`, `image` or `audio`.
        name: name of the input, or None for any.
        handle: handle of the module, for error messages.

    Raises:
        ConfigError: no call signature accepts the modality.
    """
    fitting = [one for one in call_signatures if one.takes(kind, name)]
    if fitting:
        return min(fitting, key=lambda one: not one.is_batched(kind))
    listed = "; ".join(dict.fromkeys(one.format() for one in call_signatures))
    hint = "" if name is None else f" called {name!r}"
    if _VALUES[kind].rank == 0 and any(len(one.specs) > 1 for one in call_signatures):
        hint += "; set preprocessor to the module that makes its inputs from texts"
    raise ConfigError(
        f"encoder {handle}: cannot be called on {kind}: it takes {listed}, not only "
        f"{_VALUES[kind].batch}{hint}"
    )


def format_spec(spec: Any) -> str:
    """Formats a tensor's type and shape for people, `float32 [?, 224, 224, 3]`."""
    if spec.shape.rank is None:
        return f"{spec.dtype.name} of any shape"
    axes = ", ".join("?" if size is None else str(size) for size in spec.shape)
    return f"{spec.dtype.name} [{axes}]"


def _from_signature(name: str, function: Any) -> CallSignature:
    specs = dict(sorted(function.structured_input_signature[1].items()))
    rate = _pop_rate(specs)
    return CallSignature(function, name, "keywords", specs, rate)


def _from_call(module: Any) -> Iterator[CallSignature]:
    """Yields the call signatures for which a module's `__call__` was traced."""
    traced = [
        [*function.structured_input_signature[0], *function.structured_input_signature[1].values()]
        for function in getattr(module.__call__, "concrete_functions", [])
    ]
    # Imported here, since it takes a tenth of a second, and most commands load no module.
    from tensorflow_hub.keras_layer import func_has_training_argument

    training = func_has_training_argument(module)
    trains = any(argument is True for arguments in traced for argument in arguments)
    for first, *rest in filter(None, traced):
        others = {spec.name: spec for spec in rest if isinstance(spec, tf.TensorSpec)}
        rate = _pop_rate(others)
        by_tensor = others.pop("training", None) is not None
        layout, specs = _layout(first)
        if specs and not others:
            yield CallSignature(module, "call", layout, specs, rate, training, trains or by_tensor)


def _layout(argument: Any) -> tuple[str, dict[str, tf.TensorSpec]]:
    if isinstance(argument, tf.TensorSpec):
        return "tensor", {argument.name or "inputs": argument}
    layout, named = "dict", argument
    if isinstance(argument, list | tuple):
        layout = "list"
        names = [str(getattr(spec, "name", None)) for spec in argument]
        numbers = map(str, range(len(names)))
        keys = names if len(set(names)) == len(names) else numbers
        named = dict(zip(keys, argument, strict=True))
    if not isinstance(named, Mapping):
        return layout, {}
    are_tensors = all(isinstance(spec, tf.TensorSpec) for spec in named.values())
    # Loaded dicts have no fixed order.
    order = named.items() if layout == "list" else sorted(named.items())
    return layout, dict(order) if are_tensors else {}


def _pop_rate(specs: dict[str, tf.TensorSpec]) -> tf.TensorSpec | None:
    """Removes the spec of a scalar sampling rate from others, since its value is known."""
    spec = specs.get(_RATE)
    return specs.pop(_RATE) if spec is not None and spec.shape.rank == 0 else None


def _match_spec(value: Any, spec: tf.TensorSpec) -> tf.Tensor:
    value = tf.convert_to_tensor(value)
    if spec.shape.rank == 2 and value.shape.rank == 1:
        value = value[:, tf.newaxis]
    if value.dtype == spec.dtype:
        return value
    return tf.cast(tf.round(value) if spec.dtype.is_integer else value, spec.dtype)
