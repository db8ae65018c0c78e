"""Configs refuse an unknown keyword argument with the closest one."""

import dataclasses
import functools
from typing import Any, TypeVar

from tfmmrec.errors import ConfigError, did_you_mean

T = TypeVar("T")


def known_fields(config: type[T]) -> type[T]:
    """Class decorator of a dataclass: `TrainConfig(epoch=3)` is an error that names `epochs`."""
    fields = [field.name for field in dataclasses.fields(config)]  # type: ignore[arg-type]
    create: Any = config.__init__

    @functools.wraps(create)
    def __init__(self: T, *args: Any, **options: Any) -> None:
        for name in options:
            if name not in fields:
                hint = did_you_mean(name, fields) or f"; it has {', '.join(fields)}"
                raise ConfigError(f"{config.__name__} has no option {name!r}{hint}")
        create(self, *args, **options)

    config.__init__ = __init__  # type: ignore
    return config
