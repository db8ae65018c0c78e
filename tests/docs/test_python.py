"""docs/PYTHON.md: its code runs as it stands, and it names what `import tfmmrec` gives."""

import re
from pathlib import Path
from typing import Any

import pytest

import tfmmrec

PAGE = Path(__file__).parents[2] / "docs" / "PYTHON.md"


def code_blocks() -> tuple[list[str], list[str]]:
    """Returns the blocks before the section on tuning, which trains several times, and its own."""
    before, after = PAGE.read_text(encoding="utf-8").split("## Tune")
    found = [re.findall(r"```python\n(.*?)```", part, re.DOTALL) for part in (before, after)]
    return found[0], found[1]


@pytest.fixture(scope="module")
def namespace(tmp_path_factory) -> dict[str, Any]:
    """The names that the page has defined before its section on tuning."""
    # The page trains on a catalog of its own, since it begins with the packing of one.
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("page"))
        for block in code_blocks()[0]:
            exec(compile(block, str(PAGE), "exec"), names)
        names["folder"] = Path.cwd()
    return names


def test_the_page_runs(namespace):
    assert 0.0 < namespace["metrics"]["ndcg@10"] < 1.0
    assert len(namespace["recommendations"][0]["items"]) == 5
    assert namespace["embeddings"].shape == (
        5,
        185,
    )  # 64 of the towers, and 2 · 60 + 1 in closed form
    served = namespace["answer"]["items"].numpy()[0]
    known = [item.encode() for item in namespace["data"].item_ids]
    assert len(set(served)) == 5 and set(served) <= set(known) - set(known[:3])


@pytest.mark.slow
def test_its_search_runs(namespace, monkeypatch):
    monkeypatch.chdir(namespace["folder"])
    (block,) = code_blocks()[1]
    exec(compile(block, str(PAGE), "exec"), namespace)
    assert namespace["tuned"]["verdict"]


def test_the_table_names_all_functions():
    named = set(re.findall(r"^\| `(\w+)\(", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    functions = {name for name in tfmmrec.__all__ if name[0].islower()}
    assert named == functions


@pytest.mark.parametrize(
    ("stage", "given", "kind"),
    [
        (tfmmrec.pack, ("set.yaml", "out"), "PackConfig"),
        (tfmmrec.check, ("data",), "CheckConfig"),
        (tfmmrec.train, ("data", "out"), "TrainConfig"),
        (tfmmrec.tune, ("data", "out"), "TuneConfig"),
    ],
)
def test_options_without_their_config_are_refused_in_one_line(stage, given, kind):
    with pytest.raises(tfmmrec.ConfigError) as caught:
        stage(*given, {"epochs": 3})
    assert str(caught.value) == f"give the options as {kind}(…). Received: {{'epochs': 3}}"


def test_every_public_name_is_there():
    for name in tfmmrec.__all__:
        assert getattr(tfmmrec, name) is not None
    assert set(tfmmrec.__all__) <= set(dir(tfmmrec))
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        tfmmrec.trian  # noqa: B018
