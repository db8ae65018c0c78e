"""What is written anew in a card, and what is left alone."""

from pathlib import Path

import pytest

from tfmmrec.reports.cards.card_file import write_card


def write(path: Path, text: str) -> bool:
    return write_card(path, text, title="# Title", owner="Owner: to be filled in")


@pytest.fixture
def card(tmp_path: Path) -> Path:
    assert write(tmp_path / "card.md", "one\n\ntwo | 2\n")
    return tmp_path / "card.md"


def test_a_new_card_has_all_and_one_written_again_is_the_same(card):
    text = card.read_text()
    assert text.startswith("# Title\n\n<!-- tfmmrec: generated ")
    assert "\n\none\n\ntwo | 2\n\n<!-- /tfmmrec -->\n\nOwner: to be filled in\n" in text
    assert write(card, "one\n\ntwo | 2\n")
    assert card.read_text() == text


def test_what_the_owner_wrote_around_it_stays_to_the_byte(card):
    before, after = "# Mine é\r\n\r\nAbove\r\n", "\n\n- Who: me\r\n  \n"
    begin = card.read_text().index("<!--")
    end = card.read_text().index("<!-- /tfmmrec -->") + len("<!-- /tfmmrec -->")
    card.write_bytes((before + card.read_text()[begin:end] + after).encode())
    assert write(card, "three")
    text = card.read_bytes().decode()
    assert text.startswith(before) and text.endswith(after)
    assert "\n\nthree\n\n" in text and "two | 2" not in text


def test_an_editor_that_changes_line_ends_has_edited_nothing(card):
    card.write_bytes(card.read_text().replace("\n", "  \r\n").encode())
    assert write(card, "three")
    assert "two | 2" not in card.read_text()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("two | 2", "two | 3", "was edited"),
        ("<!-- /tfmmrec -->", "", "does not have the lines"),
        ("<!-- tfmmrec: generated", "<!-- mine", "does not have the lines"),
        ("Owner", "<!-- /tfmmrec -->", "does not have the lines"),
    ],
)
def test_a_file_that_was_edited_is_left_alone_and_a_line_says_so(card, capsys, old, new, reason):
    edited = card.read_text().replace(old, new)
    card.write_text(edited)
    assert not write(card, "three")
    assert card.read_text() == edited
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tfmmrec: {card}: left as it is: ") and reason in line


def test_an_empty_part_is_filled_in(tmp_path):
    path = tmp_path / "own.md"
    path.write_text("Mine\n<!-- tfmmrec: generated -->\n<!-- /tfmmrec -->\nAlso mine\n")
    assert write(path, "three")
    assert path.read_text().startswith("Mine\n<!-- tfmmrec: generated ")
    assert path.read_text().endswith(" -->\n\nthree\n\n<!-- /tfmmrec -->\nAlso mine\n")


def test_a_file_that_is_no_text_is_left_alone(tmp_path, capsys):
    path = tmp_path / "card.md"
    path.write_bytes(b"\xff\xfe")
    assert not write(path, "three")
    assert path.read_bytes() == b"\xff\xfe" and "cannot be read" in capsys.readouterr().err
