"""Dialects of delimited text: what is read, what is rejected, and what the errors say."""

from pathlib import Path

import pytest

from tfmmrec.data.tables import csv
from tfmmrec.data.tables.dialect import Dialect
from tfmmrec.data.tables.read import read_table
from tfmmrec.data.tables.source import find_table
from tfmmrec.errors import DataError


def read(
    path: Path, text: str | bytes, columns: str = "id title", dialect: Dialect = Dialect()
) -> tuple[list[tuple], dict[int, str]]:
    """Writes and reads a file; returns the rows as texts, and the reasons of rejects by number."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    rejects: dict[int, str] = {}
    rows = read_table(
        find_table(path, dialect), columns.split(), lambda n, _, why: rejects.update({n: why})
    )
    found = [(n, *(value and value.decode() for value in row.values())) for n, row in rows]
    return found, rejects


ROWS = [(1, "i0", "T0"), (2, "i1", "T1"), (3, "i2", "T2")]
LINES = [("id", "title"), *(row[1:] for row in ROWS)]


def lines(delimiter: str, quote: str = "") -> str:
    return "".join(delimiter.join(quote + value + quote for value in line) + "\n" for line in LINES)


def test_tsv_does_not_quote(tmp_path):
    text = 'id\ttitle\turl\na\t"Wheel" wins\tu\nb\t"Joker\tu\nc\tsay "hi"\tu\nd\t"all"\tu\n'
    rows, rejects = read(tmp_path / "items.tsv", text)
    assert [row[2] for row in rows] == ['"Wheel" wins', '"Joker', 'say "hi"', '"all"']
    assert rejects == {}


def test_tsv_quotes_if_told_or_if_its_header_does(tmp_path):
    text = 'id\ttitle\na\t"x\ty"\n'
    assert read(tmp_path / "a.tsv", text, dialect=Dialect(quote='"'))[0] == [(1, "a", "x\ty")]
    assert read(tmp_path / "b.tsv", '"id"\t"title"\n"a"\t"x"\n')[0] == [(1, "a", "x")]


@pytest.mark.parametrize("name", ["items.csv", "items.txt", "items.dat"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_delimiter_and_quote_are_found(tmp_path, name, delimiter, quote):
    assert read(tmp_path / name, lines(delimiter, quote)) == (ROWS, {})


def test_single_quotes_are_found_though_the_header_has_none(tmp_path):
    text = "id,title\n'i0','T0, T'\n'i1','it''s'\n"
    assert read(tmp_path / "items.csv", text)[0] == [(1, "i0", "T0, T"), (2, "i1", "it's")]
    # An apostrophe at the start of some values is part of them.
    text = "id,title\ni0,'tis\ni1,it's\n"
    assert read(tmp_path / "items.csv", text)[0] == [(1, "i0", "'tis"), (2, "i1", "it's")]


def test_a_tab_file_named_txt_quotes_only_if_all_rows_can_be_read_so(tmp_path):
    text = 'id\ttitle\na\t"x\ty"\nb\tz\n'
    assert read(tmp_path / "items.txt", text)[0] == [(1, "a", "x\ty"), (2, "b", "z")]
    text = 'id\ttitle\na\t"Wheel" wins\nb\t"Joker\n'
    assert read(tmp_path / "items.txt", text)[0] == [(1, "a", '"Wheel" wins'), (2, "b", '"Joker')]


@pytest.mark.parametrize(
    ("text", "dialect", "message"),
    [
        # Half of the rows do not have the columns of a reading with semicolons.
        ("id;title\na;b\nc\n", Dialect(), r"parted by ';'; give delimiter: \";\""),
        ("id\ttitle\na\tb\n", Dialect(","), r"parted by '\\t'; give delimiter: \"\\t\""),
        ("id,title\na,b\n", Dialect("|"), "parted by ','"),
        ("id,name\na,b\n", Dialect(";"), r"columns are id,name; .* give delimiter: \",\""),
        (b"id,caf\xe9\na,b\n", Dialect(), "not UTF-8; give its encoding, such as encoding: cp1252"),
        ("196,242,3\n186,302,3\n", Dialect(), "first line must have the names of the columns"),
    ],
)
def test_an_error_names_the_cause(tmp_path, text, dialect, message):
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path / "items.csv", text, dialect=dialect)
    assert "no column" in str(caught.value) and str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["items.csv", "items.txt", "items.tsv"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_misspelled_column_is_not_blamed_on_the_delimiter(tmp_path, name, delimiter, quote):
    # There are more blanks than delimiters.
    header = ["Artist ID", "Artist Name", "Description", "genres, tags and so on"]
    rows = [header, ["1", "A", "x", "y"], ["2", "B", "x, y and z", "y"]]
    marks = quote or ('"' if delimiter == "," else "")
    text = "".join(delimiter.join(marks + one + marks for one in row) + "\n" for row in rows)
    (tmp_path / name).write_text(text)
    columns = ["Artist ID", "artist name", "Description"]
    with pytest.raises(DataError) as caught:
        list(read_table(find_table(tmp_path / name), columns, lambda *reject: None))
    assert str(caught.value) == (
        f"{tmp_path / name}: no column 'artist name'; the columns are Artist ID, Artist Name, "
        "Description, genres, tags and so on; did you mean 'Artist Name'?"
    )


def test_a_misspelled_column_of_the_log_among_others(tmp_path):
    text = "user;artist;day;plays\na;b;1;2\n"
    with pytest.raises(DataError, match=r"no column 'play'; .* user, artist, day, plays; did you"):
        read(tmp_path / "log.csv", text, columns="user artist day play")
    # None of these names is there, so that the delimiter may be the cause as well.
    with pytest.raises(DataError, match=r"no column 'u'; .* user;artist;day;plays; .* parted by"):
        read(tmp_path / "log.csv", text, columns="u a d p")


def test_names_of_columns_do_not_reach_the_terminal_raw(tmp_path):
    with pytest.raises(DataError) as caught:
        read(tmp_path / "items.csv", "id\0\x1b[31m\x9b,b\na,b\n")
    assert r"id\x00\x1b[31m\x9b, b" in str(caught.value)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_byte_order_marks_tell_the_encoding(tmp_path, encoding):
    text = "id,title\ni0,Café\u0a0d\u0d0a🎈\n"  # the bytes of two letters look like line breaks
    mark = "\ufeff" if encoding[-3:] in ("-le", "-be") else ""
    rows, _ = read(tmp_path / "items.csv", (mark + text).encode(encoding))
    assert rows == [(1, "i0", "Café\u0a0d\u0d0a🎈")]


def test_other_encodings_are_read_if_told(tmp_path):
    text = "id;title\ni0;Café €\n".encode("cp1252")
    assert read(tmp_path / "a.csv", text, dialect=Dialect(encoding="cp1252"))[0] == [
        (1, "i0", "Café €")
    ]
    # 0x81 is no character of cp1252, and rejects its own value only: it becomes invalid UTF-8.
    path = tmp_path / "b.csv"
    path.write_bytes(b"id,title\ni0,caf\x81\n")
    source = find_table(path, Dialect(encoding="cp1252"))
    ((_, row),) = read_table(source, ["id", "title"], lambda *reject: None)
    assert row["id"] == b"i0"
    with pytest.raises(UnicodeDecodeError):
        row["title"].decode()


def test_utf_16_without_a_mark_is_named(tmp_path):
    with pytest.raises(DataError, match="looks like UTF-16; give encoding: utf-16-le"):
        read(tmp_path / "items.csv", "id,title\na,b\n".encode("utf-16-le"))
    with pytest.raises(DataError, match="mark is that of utf-16"):
        read(
            tmp_path / "items.csv",
            "id,title\na,b\n".encode("utf-16"),
            dialect=Dialect(encoding="latin-1"),
        )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_an_encoding_that_needs_a_mark_is_refused_without_one(tmp_path, encoding):
    with pytest.raises(DataError, match=f"items.csv: encoding {encoding} needs a byte order mark"):
        read(tmp_path / "items.csv", b"id,title\na,b\n", dialect=Dialect(encoding=encoding))


def test_backslashes_that_escape_quotes_are_found_or_rejected(tmp_path):
    text = 'id,title\n"a","The \\"Big\\" Sleep"\n"b","5\\" vinyl"\n"c","C:\\new"\n'
    rows, rejects = read(tmp_path / "a.csv", text)
    assert [row[2] for row in rows] == ['The "Big" Sleep', '5" vinyl', "C:\\new"]
    # Here a value ends in a backslash, so that neither reading is certain.
    text += '"d","C:\\"\n'
    rows, rejects = read(tmp_path / "b.csv", text)
    assert [row[1:] for row in rows] == [("c", "C:\\new"), ("d", "C:\\")]
    assert list(rejects) == [1, 2] and 'give escape: "\\\\"' in rejects[1]
    rows, rejects = read(tmp_path / "c.csv", text, dialect=Dialect(escape="\\"))
    assert [row[1] for row in rows] == ["a", "b", "c"] and list(rejects) == [4]


def test_an_escape_stands_before_special_characters_only(tmp_path):
    text = "id\ttitle\na\tx\\\ty\\\\\nb\t\\N\nc\tone\\\nline\n"
    rows, rejects = read(tmp_path / "a.tsv", text, dialect=Dialect(escape="\\"))
    assert rows == [(1, "a", "x\ty\\"), (2, "b", "\\N"), (3, "c", "one\nline")]
    assert rejects == {}


def test_text_behind_a_closing_quote_is_a_reject(tmp_path):
    rows, rejects = read(tmp_path / "a.csv", 'id,title\na,"b"c\nd,5" disc\ne,"f" \ng,"h"\n')
    assert rows == [(2, "d", '5" disc'), (4, "g", "h")]
    assert rejects[1] == "text behind a closing quote: 'c'" and "' '" in rejects[3]


def test_a_value_that_swallowed_rows_is_a_reject(tmp_path):
    rows, rejects = read(tmp_path / "a.csv", 'id,title\na,"Joker\nb,plain\nc,say"\nd,x\n')
    assert rows == [(2, "d", "x")]
    assert "lines with the 2 columns of the header" in rejects[1] and "1 row or 3" in rejects[1]
    # Lines without the columns of the header are one value.
    rows, rejects = read(tmp_path / "b.csv", 'id,title\na,"one\ntwo\n\nthree, four, five"\nd,x\n')
    assert rows == [(1, "a", "one\ntwo\n\nthree, four, five"), (2, "d", "x")]
    # If all values of the table are quoted, a line that begins without a quote is no row.
    rows, rejects = read(tmp_path / "c.csv", '"id","title"\n"a","one\ntwo, three"\n')
    assert rows == [(1, "a", "one\ntwo, three")]


def test_rows_behind_an_unclosed_quote_are_read(tmp_path):
    rows, rejects = read(tmp_path / "a.csv", 'id,title\na,"open\nb,x\nc,say "hi" twice\nd,"y"\n')
    assert rows == [(2, "b", "x"), (3, "c", 'say "hi" twice'), (4, "d", "y")]
    assert list(rejects) == [1] and rejects[1].startswith("a quote is not closed")
    # Up to the end of the file.
    rows, rejects = read(tmp_path / "b.csv", 'id,title\na,x\nb,"open\nc,y\n')
    assert rows == [(1, "a", "x"), (3, "c", "y")] and list(rejects) == [2]


def test_nothing_within_a_rejected_row_becomes_a_row(tmp_path):
    text = 'id,title\na,"one\nfake,row\nend" behind\nb,x\nc,"one\nfake,row\n",too many\nd,y\n'
    rows, rejects = read(tmp_path / "a.csv", text)
    assert rows == [(2, "b", "x"), (4, "d", "y")]
    assert list(rejects) == [1, 3] and rejects[3].startswith("it has 3 values, the header 2")
    # A file that was cut off within a value of several lines.
    rows, rejects = read(tmp_path / "b.csv", 'id,title\na,x\nb,"one\nfake,row\ntwo\nthree')
    assert rows == [(1, "a", "x")] and list(rejects) == [2, 3, 4, 5]


def test_each_swallowed_line_counts_if_there_are_many(tmp_path):
    swallowed = "".join(f"s{n},x\n" for n in range(150))
    rows, rejects = read(tmp_path / "a.csv", f'id,title\na,"open\n{swallowed}b,end"\nc,y\n')
    assert rows == [(153, "c", "y")] and list(rejects) == list(range(1, 153))


def test_a_header_that_comes_again_is_a_reject(tmp_path):
    text = "id,title\na,x\nid,title\nb,y\n\ufeffid,title\nc,id\nid,title2\n"
    rows, rejects = read(tmp_path / "items.csv", text)
    assert rows == [(1, "a", "x"), (3, "b", "y"), (5, "c", "id"), (6, "id", "title2")]
    assert rejects == dict.fromkeys([2, 4], "it repeats the header")


@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\0"])
def test_only_line_breaks_end_rows(tmp_path, odd):
    text = f'id,title\na,b{odd}c\nd,"e{odd}f\ng"\nh,i{odd},j\nk,l\n'
    rows, rejects = read(tmp_path / "items.csv", text)
    assert rows == [(1, "a", f"b{odd}c"), (2, "d", f"e{odd}f\ng"), (4, "k", "l")]
    assert rejects == {3: "it has 3 values, the header 2"}


def test_empty_lines_are_skipped(tmp_path):
    assert read(tmp_path / "items.csv", "\n\r\n\nid,title\n\ni0,T0\n\r\r\ni1,T1\n\n")[0] == ROWS[:2]


def test_a_delimiter_at_the_end_of_each_row_is_named(tmp_path):
    with pytest.raises(DataError) as caught:
        read(tmp_path / "items.csv", "id,title\ni0,T0,\ni1,T1,\n")
    assert "none of its 2 rows can be read" in str(caught.value)
    reason = "row 1: it has 3 values, the header 2; it ends in a delimiter"
    assert reason in str(caught.value)


@pytest.mark.parametrize("block_bytes", range(1, 30))
def test_edges_of_blocks_lose_no_byte(tmp_path, monkeypatch, block_bytes):
    monkeypatch.setattr(csv, "_BLOCK_BYTES", block_bytes)
    text = 'id,title\r\na,"x""\r\n日,, 🎈"\r\nb,\u2028é\r\nc,y\rd,z'
    rows, rejects = read(tmp_path / "items.csv", text)
    assert rows == [(1, "a", 'x"\r\n日,, 🎈'), (2, "b", "\u2028é"), (3, "c", "y"), (4, "d", "z")]
    assert rejects == {}


def test_a_row_beyond_the_maximum_is_an_error_and_no_memory_hole(tmp_path, monkeypatch):
    monkeypatch.setattr(csv, "_BLOCK_BYTES", 100)
    monkeypatch.setattr(csv, "_MAX_ROW_BYTES", 1000)
    with pytest.raises(DataError, match="row 2: a row has more than 1,000 bytes"):
        read(tmp_path / "a.csv", f"id,title\na,b\nc,{'x' * 2000}\nd,e\n")
    # A quote that stays open for so long is unclosed.
    text = 'id,title\na,"open\n' + "".join(f"b{n},x\n" for n in range(500))
    rows, rejects = read(tmp_path / "b.csv", text)
    assert [row[0] for row in rows] == list(range(2, 502)) and list(rejects) == [1]
