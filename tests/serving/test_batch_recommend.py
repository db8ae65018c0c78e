"""Which users an option names."""

import types
from pathlib import Path

import pytest

from tfmmrec.config.comma_list import split_commas
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.serving.id_lists import user_ids

IDS = ["u1", "u2", "Smith, J", "all", '"x"', "a;b", "null", " y "]
DATASET = types.SimpleNamespace(
    folder=Path("films"), user_ids=IDS, user_rows={name: row for row, name in enumerate(IDS)}
)

NAMED = {
    "all": IDS,
    '"all"': ["all"],
    "u1": ["u1"],
    "u1,u2": ["u1", "u2"],
    " u1 , u2,": ["u1", "u2"],
    "Smith, J": ["Smith, J"],
    'u1,"Smith, J"': ["u1", "Smith, J"],
    '"Smith, J", u2': ["Smith, J", "u2"],
    '"x"': ['"x"'],
    "a;b": ["a;b"],
    "null": ["null"],
    " y ": [" y "],
}


@pytest.mark.parametrize("typed", NAMED)
def test_ids_are_those_that_were_typed(typed, capsys):
    assert user_ids(typed, DATASET) == NAMED[typed]
    assert capsys.readouterr().err == ""


def test_unknown_users_are_counted(tmp_path, capsys):
    assert user_ids("u1,Smith,J", DATASET) == ["u1", "Smith", "J"]
    assert "2 of 3 users are not in films" in (err := capsys.readouterr().err)
    assert "first: 'Smith'; did you mean 'Smith, J'?\n" in err and err.count("\n") == 1
    (tmp_path / "ids.txt").write_text("u2\nnobody\nSmith, J\n")
    assert user_ids(str(tmp_path / "ids.txt"), DATASET) == ["u2", "nobody", "Smith, J"]
    assert "1 of 3 users" in capsys.readouterr().err


def test_an_id_goes_before_a_file_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("u1").write_text("u2\n")
    assert user_ids("u1", DATASET) == ["u1"]


def test_nothing_and_nobody_are_refused():
    with pytest.raises(ConfigError, match="Received: nothing"):
        user_ids(" , ", DATASET)
    with pytest.raises(DataError, match="neither a file nor a user"):
        user_ids("nobody", DATASET)


def test_commas_within_quotes():
    assert split_commas('a, "b, ""c""",d e') == ["a", 'b, "c"', "d e"]
    assert split_commas("") == []
