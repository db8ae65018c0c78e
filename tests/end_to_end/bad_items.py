"""Rows of a jsonl table of items, each with one invalid or unusual value."""

from typing import Any

from tests.end_to_end.bad_case import AS_IS, Case
from tests.end_to_end.bad_media import PICTURES, SOUNDS


def _text(name: str, value: Any, packed: Any = AS_IS, **more: Any) -> Case:
    return Case(name, "text", value, packed, **more)


def _broken(name: str, field: str, value: Any, rejected: str, **more: Any) -> Case:
    return Case(name, field, value, None, rejected, **more)


_NO_TEXT = r"^a text is expected. Received an? (list|object): "
_NOT_FINITE = r"^a text or a finite number is expected. Received: "
_NO_FILE = r"^the path must be that of a file. Received a "

_LONG = " ".join(["длинный text 長い"] * 400_000)  # 10 MB of UTF-8
_HEBREW = "שלום עולם — مرحبا بالعالم \u202eabc\u202c 👩‍👩‍👧‍👦🏳️‍🌈🇨🇭 é"

JSON_VALUES = [
    _text("text right to left, with emoji", _HEBREW),
    _text("text of 10 MB", _LONG),
    _text("NUL within a text", "a\0b"),
    _text("line breaks and quotes within a text", 'a\r\nb\n"c"'),
    _text("a number instead of a text", 12, b"12"),
    _text("true instead of a text", True, b"true"),
    _text("false instead of a text", False, b"false"),
    _text("white space alone", " \t\n", None),
    _text("null", None, None),
    _broken("a list instead of a text", "text", ["a", "b"], _NO_TEXT),
    _broken("an object instead of a text", "text", {"en": "a"}, _NO_TEXT),
    _broken("NaN instead of a text", "text", float("nan"), _NOT_FINITE),
    _broken("half a surrogate pair", "text", "a\ud800b", r"^not valid UTF-8 at character 2"),
    Case("a number written as a string", "number", "12.5", 12.5),
    _broken("true as a number", "number", True, r"^not a number: true$"),
    _broken("1_000 as a number", "number", "1_000", r"^not a number: '1_000'$"),
    _broken("1e400 as a number", "number", "1e400", r"^not a finite number: '1e400'$"),
    _broken("1e300 as a number", "number", 1e300, r"^too large for float32: 1e\+300$"),
    _broken("NaN as a number", "number", float("nan"), r"^not a finite number: NaN$"),
    _broken("infinity as a number", "number", float("-inf"), r"^not a finite number: -Infinity$"),
    _broken("a list as a number", "number", [1], r"^not a number: \[1\]$"),
    _broken("an object as a category", "genres", {"a": 1}, r"^categories are expected"),
    _broken("a list within a list of categories", "genres", ["a", ["b"]], _NO_TEXT),
    _broken("a line break within a category", "genres", "a\nb", r"line break. Received: 'a\\nb'$"),
    _broken("NaN as a category", "genres", float("nan"), _NOT_FINITE),
]

_OUTSIDE = r"^the path leaves the folder of the media; set media: "
PATHS = [
    _broken("a path up and out of the folder", "picture", "../outside.png", _OUTSIDE),
    _broken("an absolute path", "picture", "/etc/hostname", _OUTSIDE),
    Case("a symbolic link to another place", "picture", "media/out.png", PICTURES["PNG"].data),
    Case("a folder linked to another place", "picture", "up/outside.png", PICTURES["PNG"].data),
    _broken("a path up and out of a linked folder", "picture", "up/../../x.png", _OUTSIDE),
    Case("a symbolic link within the folder", "picture", "media/in.png", PICTURES["PNG"].data),
    _broken("a path of a folder", "picture", "media", _NO_FILE + "folder"),
    _broken("a path of a pipe", "picture", "media/pipe", _NO_FILE + "pipe"),
    _broken(
        "a path with a NUL", "picture", "a\0b.png", r"^the path is invalid \(embedded null byte"
    ),
    _broken("a path of 5,000 characters", "picture", "x" * 5000, r"\(File name too long\): 'x"),
    _broken("a list as a path", "picture", ["a.png"], _NO_TEXT),
    Case("a file that is not there", "picture", "media/none.png", None),
]

IDS = [
    Case(f"an id {what}", "item_id", None, AS_IS, id=identity)
    for what, identity in {
        "with spaces": "a b  c",
        "with slashes": "../a/b\\c",
        "with quotes": "a\"b'c`",
        "with percent signs": "100%25%s",
        "with commas": "a,b;c",
        "in Unicode": "電影 №5 🎬",
        "with leading zeros": "007",
        "without them": "7",
        "that is a number": 700,
        "with a NUL": "a\0b",
        "with a line separator": "a\u2028b",
    }.items()
] + [
    _broken(f"an id {what}", "item_id", None, reason, row_lost=True, id=identity)
    for what, identity, reason in [
        ("given twice", "007", r"^duplicate id '007'$"),
        ("that differs by white space at its ends alone", " 007\t", r"^duplicate id '007'$"),
        ("that is empty", "", r"^the id is missing$"),
        ("of white space", "  ", r"^the id is missing$"),
        ("with a line break", "a\nb", r"^the id has a line break$"),
        ("that is a list", ["a"], _NO_TEXT),
    ]
]


def _raw(name: str, line: bytes, **more: Any) -> Case:
    return Case(name, more.pop("field", "text"), None, line=line, **more)


LINES = [
    _raw(
        "bad UTF-8 in jsonl",
        b'{"item_id": "bad utf-8", "text": "caf\xe9", "kept": "kept"}',
        rejected=r"^not valid UTF-8",
        id="bad utf-8",
    ),
    _raw(
        "a line that is no JSON",
        b'{"item_id": "cut", "text": "a',
        field=None,
        rejected=r"^not valid JSON: ",
        row_lost=True,
    ),
    _raw("a line that is no object", b"[1]", field=None, rejected=r"JSON object", row_lost=True),
    _raw("an item with no content at all", b'{"item_id": "nothing"}', field=None, id="nothing"),
]


def _media_cases() -> list[Case]:
    return [
        Case(name, field, file.data, AS_IS if file.packed == "as is" else file.packed, file.reason)
        for field, files in (("picture", PICTURES), ("sound", SOUNDS))
        for name, file in files.items()
    ]


MEDIA = _media_cases()
ITEMS = [*JSON_VALUES, *MEDIA, *PATHS, *IDS, *LINES]
