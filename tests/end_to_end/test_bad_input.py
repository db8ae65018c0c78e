"""Invalid input ends in an error of one line and a nonzero exit code, and nothing is written."""

import shutil
from pathlib import Path

import pytest

from tfmmrec.cli import main
from tfmmrec.data.dataset import Dataset


@pytest.fixture
def folder(catalogue: Path, tmp_path: Path) -> Path:
    return shutil.copytree(catalogue, tmp_path / "catalogue")


def _refused(arguments: list, capsys, *words: str) -> None:
    assert main([str(argument) for argument in arguments]) != 0
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    for word in words:
        assert word in lines[0]


def _change(folder: Path, old: str, new: str) -> Path:
    path = folder / "dataset.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


def _pack(folder: Path) -> list:
    return ["pack", folder / "dataset.yaml", "--out", folder.parent / "data", "--quiet"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("items.jsonl", "nowhere.jsonl", ["items.table", "nowhere.jsonl"]),
        ("title:", "headline:", ["items.jsonl", "no column 'headline'"]),
        ("items:", "itms:", ["itms", "unknown key"]),
        ("last_out", "last_of_all", ["split.by", "last_of_all"]),
        ("modality: text", "modality: txt", ["unknown modality 'txt'"]),
    ],
)
def test_a_bad_dataset_file(folder: Path, capsys, old: str, new: str, words: list) -> None:
    _change(folder, old, new)
    before = sorted(folder.parent.iterdir())
    _refused(_pack(folder), capsys, *words)
    assert sorted(folder.parent.iterdir()) == before


def test_an_empty_table(folder: Path, capsys) -> None:
    (folder / "items.jsonl").write_text("")
    _refused(_pack(folder), capsys, "items.jsonl", "no rows")
    assert not (folder.parent / "data").exists()


def test_broken_pictures_are_told_and_the_rest_is_packed(folder: Path, capsys) -> None:
    pictures = sorted(folder.rglob("*.png"))
    for picture in pictures[:3]:
        picture.write_bytes(picture.read_bytes()[:60])
    assert main([str(argument) for argument in _pack(folder)]) == 0
    dataset = Dataset(folder.parent / "data")
    rejects = (dataset.folder / "rejects.jsonl").read_text().splitlines()
    assert len(rejects) == 3
    assert all('"field": "picture"' in line for line in rejects)
    assert dataset.statistics["items"]["features"]["picture"]["present"] == len(pictures) - 3


def test_too_much_that_is_broken_is_an_error(folder: Path, capsys) -> None:
    # Every other one: without any picture at all, the feature itself would be the error.
    for picture in sorted(folder.rglob("*.png"))[::2]:
        picture.write_bytes(b"no picture")
    arguments = [*_pack(folder), "--max-rejects", "0.01"]
    _refused(arguments, capsys, "items.features.picture", "have an invalid value", "--max-rejects")
    assert not (folder.parent / "data").exists()


def test_users_that_nobody_is(run: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "users.txt").write_text("nobody\n")
    out = tmp_path / "recs.jsonl"
    arguments = ["recommend", run, "--users", tmp_path / "users.txt", "--out", out]
    _refused(arguments, capsys, "users.txt", "names no user")
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fusion.kind", "sum"], ["fusion.kind", "'sum'"]),
        (["--encoders.title", "hub:nowhere"], ["nowhere", "no such folder"]),
        (["--encoders.headline", "builtin"], ["encoders.headline"]),
        (["--epochs", "many"], ["epochs", "many"]),
        (["--epochs", "0"], ["epochs", "at least 1"]),
    ],
)
def test_a_bad_training(data: Path, tmp_path: Path, capsys, options: list, words: list) -> None:
    _refused(["train", data, "--out", tmp_path / "run", *options], capsys, *words)
    assert list(tmp_path.iterdir()) == []


def test_a_bad_key_in_the_training_file(data: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "train.yaml").write_text("epochz: 3\n")
    config = ["--config", tmp_path / "train.yaml"]
    _refused(["train", data, "--out", tmp_path / "run", *config], capsys, "epochz")
    assert not (tmp_path / "run").exists()
