"""How a module is called: what stands in its signatures decides, not its name."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow as tf
from tensorflow_hub.keras_layer import func_has_training_argument

from tfmmrec.errors import ConfigError

# The rank of one value, and the types that it is passed as.
_VALUES = {
    "text": (0, (tf.string,)),
    "image": (3, (tf.float32, tf.float16, tf.bfloat16, tf.float64, tf.uint8, tf.int32)),
    "audio": (1, (tf.float32, tf.float16, tf.bfloat16, tf.float64)),
}
# The order in which modules that take a list want what a preprocessor gives by name.
_TOKENS = ("input_word_ids", "input_mask", "input_type_ids")
_RATE = "sample_rate"


@dataclasses.dataclass(frozen=True)
class CallForm:
    """One way to call a module.

    Attributes:
        function: the module, or one of its signatures.
        name: `call`, or the name of the signature.
        layout: how inputs are handed over: one `tensor`, a `dict`, a `list`, or by `keywords`.
        specs: of the inputs by name.
        rate: the spec of a sampling rate that is taken too, under `sample_rate`.
        takes_training: whether there is an argument `training`.
        trains: whether it may be true.
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
        """The spec of the first input, mostly the only one."""
        return next(iter(self.specs.values()))

    def is_batched(self, kind: str) -> bool:
        """Whether the input has an axis of the batch; one of any rank is taken to have it."""
        return self.spec.shape.rank != _VALUES[kind][0]

    def takes(self, kind: str, name: str | None) -> bool:
        """Whether values of a modality can be its one input, which is called `name` if given."""
        rank, dtypes = _VALUES[kind]
        shape = self.spec.shape
        fits = shape.rank in (None, rank, rank + 1)
        # Keras models of texts have columns of them, [batch, 1].
        fits = fits or (kind == "text" and shape.rank == 2 and shape[1] == 1)
        known = self.spec.dtype in dtypes and name in (None, *self.specs)
        return len(self.specs) == 1 and fits and known

    def takes_tokens(self, tokens: Any) -> bool:
        """Whether what a preprocessor gave can be its inputs."""
        if self.layout == "tensor" or not isinstance(tokens, Mapping):
            return len(self.specs) == 1 and not isinstance(tokens, Mapping | list | tuple)
        return set(self._token_names()) <= set(tokens)

    def _token_names(self) -> tuple[str, ...]:
        named = set(self.specs) <= set(_TOKENS) or self.layout != "list"
        return tuple(self.specs) if named else _TOKENS[: len(self.specs)]

    def __call__(self, inputs: Any, *, training: bool, sample_rate: int) -> Any:
        """Calls the module.

        Args:
            inputs: the one input, or all by name.
            training: passed on where the module can be called so.
            sample_rate: passed on likewise.
        """
        extra: dict[str, Any] = {}
        if self.takes_training:
            extra["training"] = training and self.trains
        if self.rate is not None:
            extra[_RATE] = tf.cast(sample_rate, self.rate.dtype)
        if not isinstance(inputs, Mapping):
            values = {name: _fitted(inputs, spec) for name, spec in self.specs.items()}
        else:
            values = {
                name: _fitted(inputs[token], spec)
                for token, (name, spec) in zip(self._token_names(), self.specs.items(), strict=True)
            }
        if self.layout == "keywords":
            return self.function(**values, **extra)
        if self.layout == "dict":
            return self.function(values, **extra)
        listed = list(values.values())
        return self.function(listed if self.layout == "list" else listed[0], **extra)

    def listing(self) -> str:
        """Its inputs as a line for people."""
        inputs = ", ".join(f"{name}: {shown(spec)}" for name, spec in self.specs.items())
        return f"{self.name}({inputs})"


def call_forms(module: Any, handle: str, signature: str | None) -> list[CallForm]:
    """Finds the ways to call a module: itself, else `serving_default`, `default` or the only one.

    Args:
        module: as it was loaded.
        handle: what errors call it.
        signature: the one signature that is to be called.

    Raises:
        ConfigError: there is no such signature, or nothing to call.
    """
    signatures = getattr(module, "signatures", {})
    if signature is not None:
        if signature not in signatures:
            raise ConfigError(
                f"encoder {handle}: has no signature {signature!r}; "
                f"there are {', '.join(signatures) or 'none'}"
            )
        return [_signature_form(signature, signatures[signature])]
    forms = list(_direct_forms(module)) if callable(module) else []
    usual = [name for name in ("serving_default", "default") if name in signatures]
    usual = usual or (list(signatures) if len(signatures) == 1 else [])
    forms += [_signature_form(name, signatures[name]) for name in usual]
    if not forms:
        raise ConfigError(
            f"encoder {handle}: cannot be called itself; "
            + (f"set signature to one of {', '.join(signatures)}" if signatures else "it is empty")
        )
    return forms


def choose_form(forms: list[CallForm], kind: str, name: str | None, handle: str) -> CallForm:
    """Chooses the first form that takes values of a modality, rather batched than one by one.

    Args:
        forms: of the module.
        kind: `text`, `image` or `audio`.
        name: of the input, where it is said.
        handle: what errors call the module.

    Raises:
        ConfigError: there is none.
    """
    fitting = [form for form in forms if form.takes(kind, name)]
    if fitting:
        return min(fitting, key=lambda form: not form.is_batched(kind))
    wanted = {"text": "strings [batch]", "image": "pictures [batch, height, width, 3]"}
    listed = "; ".join(dict.fromkeys(form.listing() for form in forms))
    hint = "" if name is None else f" called {name!r}"
    if kind == "text" and any(len(form.specs) > 1 for form in forms):
        hint += "; set preprocessor to the module that makes its inputs of texts"
    raise ConfigError(
        f"encoder {handle}: cannot be called on {kind}: it takes {listed}, and not only "
        f"{wanted.get(kind, 'waveforms [batch, samples]')}{hint}"
    )


def shown(spec: Any) -> str:
    """A tensor's type and shape for people, `float32 [?, 224, 224, 3]`."""
    if spec.shape.rank is None:
        return f"{spec.dtype.name} of any shape"
    sides = ", ".join("?" if side is None else str(side) for side in spec.shape)
    return f"{spec.dtype.name} [{sides}]"


def _signature_form(name: str, function: Any) -> CallForm:
    specs = dict(sorted(function.structured_input_signature[1].items()))
    rate = _taken_rate(specs)
    return CallForm(function, name, "keywords", specs, rate)


def _direct_forms(module: Any) -> Iterator[CallForm]:
    """Reads what a module's `__call__` was traced for."""
    traced = [
        [*function.structured_input_signature[0], *function.structured_input_signature[1].values()]
        for function in getattr(module.__call__, "concrete_functions", [])
    ]
    training = func_has_training_argument(module)
    trains = any(argument is True for arguments in traced for argument in arguments)
    for first, *rest in filter(None, traced):
        others = {spec.name: spec for spec in rest if isinstance(spec, tf.TensorSpec)}
        rate = _taken_rate(others)
        by_tensor = others.pop("training", None) is not None
        layout, specs = _layout(first)
        if specs and not others:
            yield CallForm(module, "call", layout, specs, rate, training, trains or by_tensor)


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
    whole = all(isinstance(spec, tf.TensorSpec) for spec in named.values())
    # Dicts come back in no order.
    order = named.items() if layout == "list" else sorted(named.items())
    return layout, dict(order) if whole else {}


def _taken_rate(specs: dict[str, tf.TensorSpec]) -> tf.TensorSpec | None:
    """Takes the spec of a sampling rate out of others, for the program knows it."""
    spec = specs.get(_RATE)
    return specs.pop(_RATE) if spec is not None and spec.shape.rank == 0 else None


def _fitted(value: Any, spec: tf.TensorSpec) -> tf.Tensor:
    value = tf.convert_to_tensor(value)
    if spec.shape.rank == 2 and value.shape.rank == 1:
        value = value[:, tf.newaxis]
    if value.dtype == spec.dtype:
        return value
    return tf.cast(tf.round(value) if spec.dtype.is_integer else value, spec.dtype)
