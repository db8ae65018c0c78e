"""Rows of csv tables of users and interactions, each with one invalid or unusual value."""

from typing import Any

from tests.end_to_end.bad_case import AS_IS, Case

# "text" is the second column, "number" the third; the fourth says "kept".
USERS_HEADER = b"\xef\xbb\xbfuser_id,text,number,kept\n"
_HEBREW = "שלום — مرحبا 👩‍👩‍👧‍👦🇨🇭"


def _text(name: str, written: bytes, packed: bytes, *, end: bytes = b"\n") -> Case:
    return Case(name, "text", None, packed, line=b"%s," + written + b",1,kept" + end)


def _number(name: str, written: bytes, packed: float | None, rejected: str | None = None) -> Case:
    return Case(name, "number", None, packed, rejected, line=b"%s,x," + written + b",kept\n")


USERS = [
    _text("a byte order mark at the start of csv", b"first", b"first"),
    Case("bad UTF-8 in csv", "text", None, None, r"UTF-8.*'caf�'; if", line=b"%s,caf\xe9,1,kept\n"),
    _text("NUL within a text of csv", b"a\0b", b"a\0b"),
    _text("text right to left, with emoji, in csv", _HEBREW.encode(), _HEBREW.encode()),
    _text("a quoted line break in csv", b'"a\nb, c"', b"a\nb, c"),
    _text("quotes within quotes in csv", b'"a ""b"" c"', b'a "b" c'),
    _text("an empty line ahead", b"x", b"x", end=b"\n\n"),
    _text("a row that ends in CR LF", b"x", b"x", end=b"\r\n"),
    _text("a row that ends in CR alone", b"x", b"x", end=b"\r"),
    Case(
        "a row of too few columns",
        None,
        rejected=r"^it has 3 values, the header 4",
        row_lost=True,
        line=b"%s,x,1\n",
    ),
    Case(
        "a row of too many columns",
        None,
        rejected=r"^it has 5 values, the header 4",
        row_lost=True,
        line=b"%s,x,1,kept,more\n",
    ),
    Case(
        "an id with leading zeros in csv", "user_id", None, AS_IS, line=b"007,x,1,kept\n", id="007"
    ),
    Case("an id without them", "user_id", None, AS_IS, line=b"7,x,1,kept\n", id="7"),
    Case(
        "an id given twice in csv",
        "user_id",
        rejected=r"^duplicate id '007'$",
        row_lost=True,
        line=b"007,y,1,kept\n",
        id="007",
    ),
    Case(
        "an empty id in csv",
        "user_id",
        rejected=r"^the id is missing$",
        row_lost=True,
        line=b",x,1,kept\n",
        id="",
    ),
    _number("a number between spaces", b" 12.5 ", 12.5),
    _number("no number", b"", None),
    _number("a word as a number", b"soon", None, r"^not a number: 'soon'$"),
    _number("1_000 as a number in csv", b"1_000", None, r"^not a number: '1_000'$"),
    _number("true as a number in csv", b"true", None, r"^not a number: 'true'$"),
    _number("a decimal comma", b'"3,5"', None, r"^not a number: '3,5'$"),
    _number("1e400 as a number in csv", b"1e400", None, r"^not a finite number: '1e400'$"),
    _number("nan as a number in csv", b"nan", None, r"^not a finite number: 'nan'$"),
    _number("inf as a number in csv", b"-inf", None, r"^not a finite number: '-inf'$"),
    _number("1e300 as a number in csv", b"1e300", None, r"^too large for float32: '1e300'$"),
]

EVENTS_HEADER = b"user,item,time,rating\n"
KNOWN = b"nothing"


def _time(name: str, written: bytes, milliseconds: int) -> Case:
    return Case(name, "time", None, milliseconds, line=b"%s," + KNOWN + b"," + written + b",5\n")


def _lost(name: str, field: str, line: bytes, reason: str, **more: Any) -> Case:
    return Case(name, field, None, None, reason, row_lost=True, line=line + b"\n", **more)


def _lost_time(name: str, written: bytes, reason: str, **more: Any) -> Case:
    return _lost(name, "time", b"%s," + KNOWN + b"," + written + b",5", reason, **more)


def _lost_rating(name: str, written: bytes, reason: str, **more: Any) -> Case:
    return _lost(name, "rating", b"%s," + KNOWN + b",1," + written, reason, **more)


EVENTS = [
    _time("a time in Unix seconds", b"1000000000.5", 1_000_000_000_500),
    # Ten days of 86,400 seconds.
    _time("a time before 1970", b"-864000", -864_000_000),
    _time("an ISO 8601 date before 1970", b"1969-12-31", -86_400_000),
    _time("ISO 8601 without a zone, taken as UTC", b"1970-01-02T00:00:01", 86_401_000),
    _time("ISO 8601 in UTC", b"1970-01-02T00:00:01Z", 86_401_000),
    _time("ISO 8601 with a zone", b"1970-01-02T02:00:01+02:00", 86_401_000),
    _time("a time that ends in UTC", b"1970-01-02 00:00:01 UTC", 86_401_000),
    _time("a time of RFC 2822", b'"Fri, 02 Jan 1970 00:00:01 GMT"', 86_401_000),
    _lost_time("day and month in doubt", b"02/01/1970", r'"%d/%m/%Y" \(2 January 1970\) or "%m'),
    _lost_time("a word as a time", b"soon", r"^not a time in seconds or ISO 8601: 'soon'$"),
    _lost_time("no time", b"", r"^the time is missing$"),
    _lost_time("NaN as a time", b"nan", r"^not a finite number"),
    _lost_time(
        "a time in milliseconds",
        b"1000000000000",
        r"^the time 1000000000000 looks like milliseconds, but the column has numbers that",
    ),
    _lost_time(
        "1_000 as a time",
        b"1_000",
        r"^not a time in seconds or ISO 8601: '1_000'",
    ),
    _lost_rating("a rating of 1e300", b"1e300", r"^too large for float32: '1e300'$"),
    _lost_rating("a rating of 1_000", b"1_000", r"^not a number: '1_000'$"),
    _lost_rating("a rating of true", b"true", r"^not a number: 'true'$"),
    _lost_rating("a rating of NaN", b"nan", r"^not a finite number: 'nan'$"),
    _lost("an unknown item", "item", b"%s,nobody's,1,5", r"^unknown item \"nobody's\"$"),
    _lost("an interaction without an item", "item", b"%s,,1,5", r"^the id is missing$"),
    _lost("an interaction without a user", "user", b"," + KNOWN + b",1,5", r"^the id is missing$"),
    _lost(
        "an interaction with bad UTF-8", "item", b"%s,caf\xe9,1,5", r"UTF-8 at byte 4: 'caf�'; if"
    ),
]
