"""The registry: options are checked without building, and defaults are those of the class."""

from typing import Any

import pytest

from tfmmrec.config.checks import check_count
from tfmmrec.config.registry import Registry
from tfmmrec.errors import ConfigError

KINDS: Registry[Any] = Registry("shape")
BUILT = []


@KINDS.register("box")
class Box:
    def __init__(self, names: list[str], *, sides: int = 4, color: str = "red", **kwargs: Any):
        BUILT.append(self)
        self.names, self.sides, self.color = names, sides, color

    @classmethod
    def check_options(cls, **options: Any) -> None:
        check_count("sides", options["sides"], 1)
        if options["names"] == ["too", "many"]:
            raise ValueError("names: too many")


def test_a_parsed_variant_is_built_as_often_as_it_is_created():
    BUILT.clear()
    spec = KINDS.parse({"kind": "box", "sides": 6}, names=["a"])
    assert (spec.kind, spec.variant, spec.options) == ("box", Box, {"sides": 6})
    assert not BUILT
    first, second = spec.create(names=["a"]), spec.create(names=["b"])
    assert (first.sides, first.color, second.names) == (6, "red", ["b"])


@pytest.mark.parametrize(
    "config, reason",
    [
        ({"kind": "ball"}, "shape.kind: unknown kind 'ball'; there are box"),
        ({}, "shape.kind: unknown kind None; there are box"),
        (
            {"kind": "box", "side": 3},
            "shape.side: unknown key; box takes color, sides; did you mean sides?",
        ),
        ({"kind": "box", "names": []}, "shape.names: unknown key; box takes color, sides"),
        ({"kind": "box", "kwargs": 1}, "shape.kwargs: unknown key; box takes color, sides"),
        ({"kind": "box", "sides": 0}, "shape: sides must be at least 1. Received: 0"),
        ({"kind": "box", "sides": 2.5}, "shape: sides must be a whole number. Received: 2.5"),
    ],
)
def test_bad_configs_are_refused_before_anything_is_built(config, reason):
    BUILT.clear()
    with pytest.raises(ConfigError) as caught:
        KINDS.parse(config, names=["a"])
    assert str(caught.value) == reason
    assert not BUILT


def test_options_are_checked_against_what_the_program_supplies():
    with pytest.raises(ConfigError, match="shape: names: too many"):
        KINDS.parse({"kind": "box"}, names=["too", "many"])
