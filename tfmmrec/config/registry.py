"""Variants that register themselves by name and are built from a config's `{kind: …}`."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from tfmmrec.errors import ConfigError

T = TypeVar("T")


class Registry(Generic[T]):
    """The variants of one family.

    Args:
        family: the config key of the family, for errors.
    """

    def __init__(self, family: str):
        self.family = family
        self.variants: dict[str, type[T]] = {}

    def register(self, kind: str) -> Callable[[type[T]], type[T]]:
        """Class decorator: makes a variant known as `kind`."""

        def add(variant: type[T]) -> type[T]:
            self.variants[kind] = variant
            return variant

        return add

    def variant(self, config: Mapping[str, Any]) -> type[T]:
        """Returns the class that a config names; raises ConfigError when there is none."""
        kind = config.get("kind")
        if kind not in self.variants:
            raise ConfigError(
                f"{self.family}.kind: unknown kind {kind!r}; there are {', '.join(self.variants)}"
            )
        return self.variants[kind]

    def create(self, config: Mapping[str, Any], **given: Any) -> T:
        """Builds the variant of `{kind: …, option: …}`.

        Args:
            config: the kind and its options.
            **given: arguments that the program, not the config, supplies.

        Raises:
            ConfigError: the kind or an option is unknown, or an option has a bad value.
        """
        variant = self.variant(config)
        options = {name: value for name, value in config.items() if name != "kind"}
        taken = set(inspect.signature(variant.__init__).parameters) - {"self", "kwargs", *given}
        for option in options:
            if option not in taken:
                raise ConfigError(
                    f"{self.family}.{option}: unknown key; {config['kind']} takes "
                    f"{', '.join(sorted(taken)) or 'none'}"
                )
        try:
            return variant(**given, **options)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{self.family}: {error}") from None
