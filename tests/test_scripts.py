"""Scripts as command lines: what run_script makes of a function, and the scripts that use it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tfmmrec.cli import run_script
from tfmmrec.errors import DataError

ROOT = Path(__file__).parents[1]
SCRIPTS = [
    path
    for folder in ("records", "trainers", "serving", "benchmarks")
    for path in sorted((ROOT / folder).glob("*.py"))
    if "run_script(main)" in path.read_text(encoding="utf-8")
]


def main(source: Path, *, out: Path, overwrite: bool = False, kept: bool = True) -> None:
    """Prints what it was given.

    Args:
        source: a folder.
        out: another.
        overwrite: whether it gives way.
        kept: whether it is kept.
    """
    if source.name == "broken":
        raise DataError(f"{source}: is broken")
    print(source, out, overwrite, kept)


def run(arguments: str, monkeypatch, capsys) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["script.py", *arguments.split()])
    with pytest.raises(SystemExit) as ended:
        run_script(main)
    out, err = capsys.readouterr()
    return ended.value.code, out.strip(), err


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        ("s --out o", "s o False True"),
        ("s --out o --overwrite", "s o True True"),
        ("--overwrite s --out o", "s o True True"),
        ("s --overwrite --out o", "s o True True"),
        ("s --overwrite true --out o", "s o True True"),
        ("s --overwrite=true --out o --kept no", "s o True False"),
        ("s --out o --overwrite false --kept=false", "s o False False"),
        ("--overwrite --kept s --out o", "s o True True"),
    ],
)
def test_an_option_of_bool_stands_alone_or_takes_a_value(arguments, printed, monkeypatch, capsys):
    assert run(arguments, monkeypatch, capsys) == (0, printed, "")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("broken --out o", 1, "broken: is broken"),
        ("s", 2, "out"),
        ("", 2, "source"),
        ("s --out o --overwrite=maybe", 2, "overwrite"),
        ("s --out o --overwrite maybe", 2, "maybe"),
    ],
)
def test_an_error_is_one_line(arguments, code, words, monkeypatch, capsys):
    found, out, err = run(arguments, monkeypatch, capsys)
    assert (found, out) == (code, "")
    assert err.startswith("tfmmrec: error: ") and err.count("\n") == 1
    assert words in err


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_the_command_line_is_imported_before_what_loads_tensorflow(script):
    modules = []
    for node in ast.parse(script.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules.append(node.module)
    ours = [name for name in modules if name.split(".")[0] == "tfmmrec" and name != "tfmmrec"]
    assert ours[0] == "tfmmrec.cli"
    assert not any(name.startswith("tensorflow") for name in modules[: modules.index(ours[0])])


def test_a_script_says_nothing_but_its_error(tmp_path):
    command = [sys.executable, str(ROOT / "records" / "stamps.py"), "none", "--out", "out"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    message = "none: not a folder of stamps; items.jsonl is missing"
    assert done.stderr == f"tfmmrec: error: {message}\n"
    assert list(tmp_path.iterdir()) == []
