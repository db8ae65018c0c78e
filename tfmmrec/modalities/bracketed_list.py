"""Lists that are written as a text, as pandas and databases write a list into one cell of a csv."""

import ast
import json
import re
import warnings
from typing import Any

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.text import quote

_PAIRS = {"[": "]", "(": ")", "{": "}"}
_OPEN = frozenset([*_PAIRS, *(mark.encode() for mark in _PAIRS)])
_MISSING = frozenset({"None", "null", "NULL", "nan", "NaN", "NaT", "<NA>"})
# A member of a list of Python, NumPy or JSON. NumPy 2 writes np.int64(3) for 3, and Python 2 u'a'.
_MEMBER = re.compile(
    r"""
    (?P<call> (?:np|numpy)\.\w+\( )?
    (?:
        [ub]? (?: "(?P<double>(?:[^"\\]|\\.)*)" | '(?P<single>(?:[^'\\]|\\.)*)' )
      | (?P<number> [-+]? (?: [0-9]+\.?[0-9]* | \.[0-9]+ ) (?:[eE][-+]?[0-9]+)? )
      | (?P<word> True | False | true | false | None | null | NULL | nan | NaN | NaT | <NA> )
    )
    (?P<close> \) )?
    (?: \s*(?P<comma>,)\s* | \s*(?=[\])}]) | \s+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_NAMED = ("\\", "'", '"', "/")


def read_list(raw: Any, separator: str | None = None) -> list[Any] | None:
    """Reads a text that is a list in brackets: of Python, NumPy or JSON, or a tuple or set.

    The whole text must be a list, of numbers and of texts in quotes: `[8, 27]`, `['a' 'b']` and
    `{"a", "b"}` are lists; `[REC]`, `(2019)` and `[a] b` are not.

    Args:
        raw: the value of a cell.
        separator: the separator of the feature, if it has one.

    Returns:
        The members, without missing ones such as None; None if the value is not a list.

    Raises:
        BrokenValue: the value is a list of lists or of objects, or a list that NumPy shortened, or
            the separator would divide a text that is in brackets as a whole.
    """
    if not isinstance(raw, bytes | str) or raw.lstrip()[:1] not in _OPEN:
        return None
    text = raw.decode("utf-8", "surrogateescape") if isinstance(raw, bytes) else raw
    text = text.strip()
    if text[-1] != _PAIRS[text[0]]:
        return None
    members = _members(text)
    if members is None and _is_nested(text):
        raise BrokenValue(
            f"a list of single values is expected, such as ['a', 'b']. Received: {quote(text)}"
        )
    if members is None and separator and separator in text[1:-1] and _is_in_brackets(text):
        rule = "a list in brackets needs its texts in quotes, as in ['a', 'b']"
        raise BrokenValue(f"{rule}. Received: {quote(text)}")
    return members


def _members(text: str) -> list[Any] | None:
    position = len(text) - len(text[1:].lstrip())
    members: list[Any] = []
    num_commas = 0
    while position < len(text) - 1:
        found = _MEMBER.match(text, position)
        if found is None:
            if members and text.startswith("...", position):
                raise BrokenValue(f"a list that NumPy shortened by '...'. Received: {quote(text)}")
            return None
        number = found["number"] or ""
        # A number such as 007 is neither Python nor JSON.
        if bool(found["call"]) != bool(found["close"]) or _LEADING_ZERO.match(number):
            return None
        if found["word"] not in _MISSING:
            members.append(_member(found))
        num_commas += bool(found["comma"])
        position = found.end()
    # As in Python, (2019) is not a tuple.
    return None if text[0] == "(" and members and not num_commas else members


def _member(found: re.Match[str]) -> Any:
    if found["word"]:
        return found["word"] in ("True", "true")
    if number := found["number"]:
        return int(number) if number.lstrip("-+").isdigit() else float(number)
    text = found["single"] if found["double"] is None else found["double"]
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(_unescape, text)
    # JSON writes a character beyond U+FFFF as two halves.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _unescape(found: re.Match[str]) -> str:
    written = found[1]
    if len(written) > 1:
        return chr(int(written[1:], 16)) if int(written[1:], 16) < 0x110000 else found[0]
    return written if written in _NAMED else _ESCAPED.get(written, found[0])


def _is_nested(text: str) -> bool:
    """Whether a text is an object, or a list of lists or objects, in Python or JSON."""
    for parse in (json.loads, ast.literal_eval):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of escapes in texts that are no Python
                value = parse(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            continue
        several = (list, tuple, set, dict)
        return isinstance(value, dict) or (
            isinstance(value, several) and any(isinstance(member, several) for member in value)
        )
    return False


def _is_in_brackets(text: str) -> bool:
    """Whether the first bracket of a text is closed by the last one, unlike in `[a] b [c]`."""
    depth = 0
    for position, mark in enumerate(text):
        depth += (mark in _PAIRS) - (mark in _PAIRS.values())
        if depth <= 0:
            return position == len(text) - 1
    return False
