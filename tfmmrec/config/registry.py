"""Registry of named variants, such as the kinds of fusion, built from a config's `{kind: …}`."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from tfmmrec.errors import ConfigError, did_you_mean

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class VariantSpec(Generic[T]):
    """A kind and its options, checked; from `Registry.parse`.

    Attributes:
        kind: the name in the registry.
        variant: the class registered under it.
        options: the options from the config; the others have the defaults of the class.
    """

    kind: str
    variant: type[T]
    options: Mapping[str, Any]

    def create(self, **arguments: Any) -> T:
        """Builds an instance.

        Args:
            **arguments: arguments of the class that do not come from the config.
        """
        return self.variant(**arguments, **self.options)


class Registry(Generic[T]):
    """The variants of one family, by name. Each variant registers itself in its own file.

    Args:
        family: the config key of the family, for errors.

    Attributes:
        variants: the registered classes by name.

    Example:
        >>> FUSIONS = Registry("fusion")
        >>> @FUSIONS.register("mean")
        ... class Mean:
        ...     def __init__(self, scale=1.0):
        ...         self.scale = scale
        ...
        ...     @classmethod
        ...     def check_options(cls, *, scale):
        ...         if scale <= 0:
        ...             raise ValueError(f"scale must be above 0. Received: {scale}")
        >>> FUSIONS.parse({"kind": "mean", "scale": 2.0}).create().scale
        2.0
    """

    def __init__(self, family: str):
        self.family = family
        self.variants: dict[str, type[T]] = {}

    def register(self, kind: str) -> Callable[[type[T]], type[T]]:
        """Class decorator: registers a variant and sets its attribute `kind` to its name."""

        def add(variant: type[T]) -> type[T]:
            variant.kind = kind  # type: ignore[attr-defined]
            self.variants[kind] = variant
            return variant

        return add

    def variant(self, config: Mapping[str, Any]) -> type[T]:
        """Returns the class of a config's `kind`.

        Raises:
            ConfigError: no variant has this name.
        """
        kind = config.get("kind")
        if kind not in self.variants:
            raise ConfigError(
                f"{self.family}.kind: unknown kind {kind!r}; there are {', '.join(self.variants)}"
                f"{did_you_mean(str(kind), self.variants)}"
            )
        return self.variants[kind]

    def parse(self, config: Mapping[str, Any], **arguments: Any) -> VariantSpec[T]:
        """Checks `{kind: …, option: …}` without building the variant.

        The variant needs a class method `check_options`, which raises ValueError for an invalid
        value.

        Args:
            config: the kind and its options.
            **arguments: arguments that the program, not the config, supplies to
                `VariantSpec.create`, so far as options are checked against them.

        Raises:
            ConfigError: the kind or an option is unknown, or an option has an invalid value.
        """
        variant: Any = self.variant(config)
        options = {name: value for name, value in config.items() if name != "kind"}
        parameters = {
            name: parameter
            for name, parameter in inspect.signature(variant.__init__).parameters.items()
            if parameter.default is not inspect.Parameter.empty
        }
        for option in options:
            if option not in parameters:
                raise ConfigError(
                    f"{self.family}.{option}: unknown key; {config['kind']} takes "
                    f"{', '.join(sorted(parameters)) or 'none'}{did_you_mean(option, parameters)}"
                )
        defaults = {name: parameter.default for name, parameter in parameters.items()}
        try:
            variant.check_options(**arguments, **{**defaults, **options})
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{self.family}: {error}") from None
        return VariantSpec(config["kind"], variant, options)
