"""The command line: an invalid one gives one line and an exit code, and writes nothing."""

import shlex
import sys
from pathlib import Path

import pytest

from tfmmrec.cli import main, run_script
from tfmmrec.cli.commands import COMMANDS
from tfmmrec.cli.entry_point import build_parser
from tfmmrec.cli.nested_overrides import fold_overrides, with_underscores
from tfmmrec.cli.option_names import check_option_names
from tfmmrec.cli.parser import Parser
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
    "no data folder to check": (["check", "none"], "no such folder"),
    "no data folder to encode": (["encode", "none"], "no such folder"),
    "no data folder to train on": (["train", "none", "--out", "out"], "no such folder"),
    "epochs below 1": (["train", "none", "--out", "out", "--epochs", "0"], "epochs must be"),
    "no data folder to tune on": (["tune", "none", "--out", "out"], "no such folder"),
    "no run to evaluate": (["evaluate", "none"], "no such folder"),
    "no run to recommend from": (["recommend", "none", "--out", "out"], "no such folder"),
    "no run to search": (["search", "none", "--text", "war"], "no such folder"),
    "no run to export": (["export", "none", "--out", "out"], "no such folder"),
    "no model to serve": (["serve", "none"], "none"),
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
    assert out.startswith(f"{data}: 2 items, 2 users, 2 interactions; 0 rejects\n")
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
    # One interaction of two names an unknown item; one is accepted unless the limit is 0.
    path = write_dataset(tmp_path, item="9")
    no = ["pack", str(path), "--out", str(tmp_path / "no"), "--quiet", "--max-rejects", "0"]
    code, out, err = run(no, capsys)
    assert (code, out) == (1, "")
    assert_one_line(err)
    assert "1 of 2 rows cannot be used (50.0%, the limit is 0.0%)" in err
    assert not (tmp_path / "no").exists()
    for number, option in enumerate(("--max-rejects", "--max_rejects")):
        data = str(tmp_path / f"data{number}")
        arguments = ["pack", str(path), "--out", data, "--quiet", option, "0.25"]
        assert run(arguments, capsys)[0] == 0
        assert run([*arguments[:3], data + "b", "--quiet", f"{option}=0.25"], capsys)[0] == 0


def test_options_are_written_in_one_spelling(capsys):
    """With hyphens, unless they are keys of a file in --config."""
    commands = build_parser().commands
    unused = set()
    for name, parser in commands.items():
        _, out, _ = run([name, "--help"], capsys)
        for option in parser._option_string_actions:
            if "_" in option.strip("_") and "." not in option:
                keyed = parser.has_config_file
                shown = option if keyed else option.replace("_", "-")
                assert f"{shown} " in out or f"{shown}\n" in out, f"{name} {option}"
                unused |= set() if keyed else {option}
    assert {"--max_rejects", "--allow_leakage", "--tpu_check"} <= unused
    root = Path(__file__).parents[2]
    for page in (*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("records/*.md")):
        text = page.read_text(encoding="utf-8")
        assert not [option for option in unused if option in text], page


def test_a_parameter_called_config_is_no_file_of_options():
    parser = Parser(exit_on_error=False)
    parser.add_argument("--config", type=str)
    assert parser.spelled("--num_items") == "--num-items"
    assert build_parser(["train"]).commands["train"].spelled("--batch_size") == "--batch_size"


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


@pytest.mark.parametrize(
    "stage, arguments, message",
    [
        (
            "tfmmrec.data.packing.pack",
            ["pack", "films.yaml", "--out", "data"],
            "interrupted; the same command continues it",
        ),
        (
            "tfmmrec.training.train.train",
            ["train", "films", "--out", "run"],
            "interrupted; the same command with --resume continues it",
        ),
        ("tfmmrec.reports.data_validation.validate.check", ["check", "films"], "interrupted"),
    ],
)
def test_stopping_gives_130_and_says_how_to_continue(
    stage, arguments, message, tmp_path, monkeypatch, capsys
):
    def stop(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stage, stop)
    for commands in ("data_commands", "training_commands"):
        monkeypatch.setattr(f"tfmmrec.cli.{commands}.read_manifest", lambda folder: {})
    code, _, err = run(arguments, capsys)
    assert (code, err) == (130, f"tfmmrec: error: {message}\n")


TYPED = [
    "#cow",
    "null",
    "~",
    "yes",
    "123",
    "a: b",
    "[x]",
    "{y}",
    "1e3",
    "",
    "'q'",
    "2020-01-01",
    "!t",
]


@pytest.mark.parametrize("text", [*TYPED, "-x", "--debug"])
def test_texts_are_taken_as_they_are_typed(text):
    parser = build_parser(["search", "recommend", "serve", "explain", "compare", "train"])
    option = parser.parse_args(["search", "run", f"--text={text}", f"--item={text}"]).search
    assert (option.text, option.item) == (text, text)
    option = parser.parse_args(["recommend", "run", f"--users={text}", f"--split={text}"])
    assert (option.recommend.users, option.recommend.split) == (text, text)
    assert parser.parse_args(["serve", "m", f"--cors={text}"]).serve.cors == text
    option = parser.parse_args(["explain", "r", f"--user={text}", f"--item={text}"]).explain
    assert (option.user, option.item) == (text, text)
    if not text.startswith("-"):
        option = parser.parse_args(["compare", text, "null", f"--report={text}"]).compare
        assert (option.runs, option.report) == ([Path(text), Path("null")], Path(text))
    options = ["train", "d", f"--out={text}", f"--cache={text}", f"--objective={text}"]
    option = parser.parse_args(options).train
    assert (str(option.out), option.cache, option.objective) == (str(Path(text)), text, text)


def test_texts_in_a_config_file_are_what_yaml_says(tmp_path, capsys):
    path = tmp_path / "train.yaml"
    path.write_text(
        "cache: null\nobjective: '#1'\nencoders: {a.b: builtin, 'Book Title': 'hub:x'}\n"
    )
    parser = build_parser(["train"])
    option = parser.parse_args(["train", "d", "--out", "o", "--config", str(path)]).train
    assert (option.cache, option.objective) == (None, "#1")
    assert option.encoders == {"a.b": "builtin", "Book Title": "hub:x"}
    path.write_text("cache: 123\n")
    code, _, err = run(["train", "d", "--out", "o", "--config", str(path)], capsys)
    assert code == 2 and "put the text in quotes" in err


def test_lists_are_separated_by_commas_or_in_brackets():
    parser = build_parser(["evaluate", "train"])
    for typed in ("5,10", "[5, 10]", "5, 10"):
        assert parser.parse_args(["evaluate", "r", "--cutoffs", typed]).evaluate.cutoffs == [5, 10]
    for typed in ("a,b", "[a, b]"):
        options = ["train", "d", "--out", "o", "--features", typed]
        assert parser.parse_args(options).train.features == ["a", "b"]
    options = ["train", "d", "--out", "o", "--features", 'a,"b, c"', "--finetune", "null"]
    option = parser.parse_args(options).train
    assert (option.features, option.finetune) == (["a", "b, c"], ["null"])


UNKNOWN = {
    "--epoch 3": "unknown option --epoch; did you mean --epochs?",
    "--epochz 3": "unknown option --epochz; did you mean --epochs?",
    "--negatives.uniform 3": "did you mean --negatives.num_uniform",
    "--negatives.num-unifrom 3": "did you mean --negatives.num_uniform",
    "--batch-siz=3": "did you mean --batch_size?",
    "--resum": "did you mean --resume?",
    "--zebra": "unknown option --zebra; see --help",
}


@pytest.mark.parametrize("options", UNKNOWN)
def test_unknown_and_shortened_options_are_refused(options, capsys):
    code, out, err = run(["train", "d", "--out", "o", *options.split()], capsys)
    assert (code, out) == (2, "")
    assert UNKNOWN[options] in err
    assert_one_line(err)


KEYS = {
    "epoch: 3": "epoch; did you mean epochs?",
    "negatives: {unifrom: 3}": "negatives.unifrom; did you mean negatives.num_uniform",
    "zebra: 1": "unknown key zebra",
}


@pytest.mark.parametrize("content", KEYS)
def test_unknown_keys_of_a_config_file_name_the_file(content, tmp_path, capsys):
    path = tmp_path / "train.yaml"
    path.write_text(content)
    code, _, err = run(["train", "d", "--out", "o", "--config", str(path)], capsys)
    assert code == 2 and f"{path}: unknown key" in err and KEYS[content] in err


def test_an_unknown_command_names_a_close_one(capsys):
    code, _, err = run(["trian", "d"], capsys)
    assert code == 2 and "unknown command 'trian'; did you mean train?" in err


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_for_people(name, capsys):
    _, out, _ = run([name, "--help"], capsys)
    assert "type:" not in out and "Optional[" not in out and "Union[" not in out
    assert "null" not in out and "<class" not in out
    assert out.startswith(f"usage: tfmmrec {name} ")
    assert f"examples:\n  tfmmrec {name}" in out
    for example in COMMANDS[name].examples:
        words = fold_overrides(with_underscores(shlex.split(example)))
        check_option_names(build_parser([name]).commands[name], words[1:])


def test_a_parameter_of_a_script_may_be_called_config(tmp_path, monkeypatch, capsys):
    (tmp_path / "train.yaml").write_text("epochs: 3\n")

    def main(data: Path, *, config: Path | None = None) -> None:
        print(data, config.read_text())

    monkeypatch.setattr(sys, "argv", ["script", "d", "--config", str(tmp_path / "train.yaml")])
    with pytest.raises(SystemExit) as ended:
        run_script(main)
    assert ended.value.code == 0
    assert capsys.readouterr().out == "d epochs: 3\n\n"
