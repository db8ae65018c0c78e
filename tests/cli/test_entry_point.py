"""The command line: an invalid one gives one line and an exit code, and writes nothing."""

from pathlib import Path

import pytest

from tfmmrec.cli import main
from tfmmrec.cli.commands import COMMANDS
from tfmmrec.version import __version__


def run(arguments: list[str], capsys) -> tuple[int, str, str]:
    """Runs a command in this process; argparse leaves by SystemExit after --help and --version."""
    try:
        code = main(arguments)
    except SystemExit as end:
        code = end.code or 0
    out, err = capsys.readouterr()
    return code, out, err


def test_version(capsys):
    code, out, err = run(["--version"], capsys)
    assert (code, out.strip(), err) == (0, f"tfmmrec {__version__}", "")


def test_help_lists_the_commands(capsys):
    code, out, err = run(["--help"], capsys)
    assert (code, err) == (0, "")
    for name, command in COMMANDS.items():
        assert name in out and command.help in " ".join(out.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command(name, capsys):
    code, out, err = run([name, "--help"], capsys)
    assert (code, err) == (0, "")
    assert COMMANDS[name].help in " ".join(out.split())
    assert "--seed" in out and "--quiet" in out and "--debug" in out


def test_no_command_shows_the_help_and_fails(capsys):
    code, out, _ = run([], capsys)
    assert code == 2 and "usage: tfmmrec" in out


WRONG = {
    "unknown command": ["pakc"],
    "nothing to pack": ["pack"],
    "no out": ["pack", "films.yaml"],
    "unknown option": ["pack", "films.yaml", "--out", "out", "--fast"],
    "no number": ["pack", "films.yaml", "--out", "out", "--max-rejects", "many"],
    "no data": ["train", "--out", "out"],
    "unknown key": ["train", "data", "--out", "out", "--depth", "3"],
    "key of the wrong type": ["train", "data", "--out", "out", "--epochs", "many"],
    "no config": ["train", "data", "--out", "out", "--config", "none.yaml"],
    "k in words": ["recommend", "run", "--k", "ten"],
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_command_line_gives_one_line_and_2(case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(WRONG[case], capsys)
    assert (code, out) == (2, "")
    assert_one_line(err)
    assert list(tmp_path.iterdir()) == []


REFUSED = {
    "no dataset file": (["pack", "none.yaml", "--out", "out"], "none.yaml"),
    "no data folder to check": (["check", "none"], "not a data folder"),
    "no data folder to encode": (["encode", "none"], "not a data folder"),
    "no data folder to train on": (["train", "none", "--out", "out"], "not a data folder"),
    "epochs below 1": (["train", "none", "--out", "out", "--epochs", "0"], "epochs must be"),
    "no data folder to tune on": (["tune", "none", "--out", "out"], "not a data folder"),
    "no run to evaluate": (["evaluate", "none"], "not a run folder"),
    "no run to recommend from": (["recommend", "none", "--out", "out"], "not a run folder"),
    "no run to search": (["search", "none", "--text", "war"], "not a run folder"),
    "no run to export": (["export", "none", "--out", "out"], "not a run folder"),
    "no model to serve": (["serve", "none"], "none"),
    "no origin of pages": (["serve", "none", "--cors", "localhost"], "cors must be"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_done_gives_one_line_and_1(case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments, reason = REFUSED[case]
    code, out, err = run(arguments, capsys)
    assert (code, out) == (1, "")
    assert_one_line(err)
    assert reason in err and "this is a bug" not in err
    assert list(tmp_path.iterdir()) == []


def assert_one_line(err: str) -> None:
    assert err.startswith("tfmmrec: error: ") and err.count("\n") == 1, err
    assert "Traceback" not in err


def test_a_broken_config_file_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for text in ("epochs: many\n", "depth: 3\n", "epochs: [1\n"):
        (tmp_path / "train.yaml").write_text(text)
        code, _, err = run(["train", "data", "--out", "out", "--config", "train.yaml"], capsys)
        assert code != 0
        assert_one_line(err)
    assert [path.name for path in tmp_path.iterdir()] == ["train.yaml"]


def write_dataset(folder: Path, item: str = "1") -> Path:
    (folder / "items.csv").write_text("id,year\n1,1990\n2,\n")
    (folder / "log.csv").write_text(f"user,item\nu,{item}\nv,2\n")
    (folder / "films.yaml").write_text(
        "items: {table: items.csv, id: id, features: {year: {modality: number}}}\n"
        "interactions: {table: log.csv, user: user, item: item}\n"
    )
    return folder / "films.yaml"


def test_pack_and_check(tmp_path, capsys):
    path, data = write_dataset(tmp_path), str(tmp_path / "data")
    code, out, err = run(["pack", str(path), "--out", data, "--quiet"], capsys)
    assert (code, err) == (0, "")
    assert out.startswith(f"{data}: 2 items, 2 users, 2 interactions; 0 rejects (0.00%)")
    code, out, _ = run(["check", data], capsys)
    assert code == 0 and "valid; " in out
    # One item of two has a year.
    assert "year number 1 of 2 50%" in " ".join(out.split())
    code, _, err = run(["pack", str(path), "--out", data, "--quiet"], capsys)
    assert code == 1 and "exists already" in err
    assert_one_line(err)
    (tmp_path / "data" / "schema.json").write_text("{}")
    code, _, err = run(["check", data], capsys)
    assert code == 1
    assert_one_line(err)


def test_options_are_written_with_hyphens_or_underscores(tmp_path, capsys):
    # One interaction of two names an unknown item: one of four rows is broken.
    path = write_dataset(tmp_path, item="9")
    code, out, err = run(["pack", str(path), "--out", str(tmp_path / "no"), "--quiet"], capsys)
    assert (code, out) == (1, "")
    assert_one_line(err)
    assert "25.0%" in err and not (tmp_path / "no").exists()
    for number, option in enumerate(("--max-rejects", "--max_rejects")):
        data = str(tmp_path / f"data{number}")
        arguments = ["pack", str(path), "--out", data, "--quiet", option, "0.25"]
        assert run(arguments, capsys)[0] == 0
        assert run([*arguments[:3], data + "b", "--quiet", f"{option}=0.25"], capsys)[0] == 0


def test_debug_shows_the_traceback_before_the_line(tmp_path, capsys):
    code, _, err = run(["check", str(tmp_path), "--debug"], capsys)
    assert code == 1
    assert err.startswith("Traceback") and err.splitlines()[-1].startswith("tfmmrec: error: ")


def test_a_bug_gives_one_line_too(tmp_path, monkeypatch, capsys):
    def fail(*arguments):
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("tfmmrec.reports.data_validation.validate.examine", fail)
    data = tmp_path / "data"
    run(["pack", str(write_dataset(tmp_path)), "--out", str(data), "--quiet"], capsys)
    code, _, err = run(["check", str(data)], capsys)
    assert code == 1 and "RuntimeError: two lines" in err
    assert_one_line(err)
    with pytest.raises(RuntimeError):
        main(["check", str(data), "--debug"])


def test_stopping_gives_130(tmp_path, monkeypatch, capsys):
    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("tfmmrec.data.packing.pack", stop)
    code, _, err = run(["pack", "films.yaml", "--out", str(tmp_path / "data")], capsys)
    assert (code, err) == (130, "tfmmrec: error: interrupted\n")
