"""The key `positive` of the interaction table: which events are positives.

    rule        = conjunction {"or" conjunction}
    conjunction = condition {"and" condition}
    condition   = column comparison value
                | column ["not"] "in" "[" value {"," value} "]"
                | ["not"] column
    comparison  = ">=" | "<=" | ">" | "<" | "==" | "!="

A column or a value is written as it is, with blanks within, or in quotes (", ' or `). It needs
quotes if it contains a comparison, a comma, a bracket, a quote, or the word `and` or `or`. `in` is
an operator only before a bracket, so that the column "made in" needs no quotes.
"""

import dataclasses
import operator
import re
from collections.abc import Callable
from typing import Any

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.number import to_number
from tfmmrec.modalities.text import quote, to_utf8

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_MISSPELLED = {"=": "==", "<>": "!=", "=>": ">=", "=<": "<="}
_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"[^"]*"|'[^']*'|`[^`]*`)|(?P<sign>>=|<=|==|!=|<>|=>|=<|[<>=(),\[\]])|"""
    r"""(?P<word>[^\s<>=!,()\[\]"'`]+|!))"""
)
_TRUE = frozenset(("true", "t", "yes", "y", "1", "1.0"))
_FALSE = frozenset(("false", "f", "no", "n", "0", "0.0"))
_ADVICE = (
    'write a column, a comparison and a value, such as "rating >= 4"; or "kind in [buy, cart]"; '
    'or a column of true and false, such as "clicked"; join several by and, or'
)

Literal = float | str | bool


@dataclasses.dataclass(frozen=True)
class Condition:
    """One condition on a column.

    Attributes:
        column: the column.
        operator: a comparison, `in`, `not in`, or `is` for a column of true and false.
        values: what the column is compared with: numbers, texts, or true and false.
    """

    column: str
    operator: str
    values: tuple[Literal, ...]

    def holds(self, raw: Any) -> bool:
        """Returns whether a value of the column fulfills the condition.

        Args:
            raw: a value of the table, not None.

        Raises:
            BrokenValue: the value cannot be compared, such as a word with a number.
        """
        if self.operator in ("in", "not in"):
            return _is_one_of(raw, self.values) == (self.operator == "in")
        (value,) = self.values
        if isinstance(value, bool):
            return (_to_bool(raw) == value) == (self.operator != "!=")
        if isinstance(value, str):
            return (_to_text(raw) == value) == (self.operator == "==")
        return _COMPARISONS[self.operator](to_number(raw), value)


@dataclasses.dataclass(frozen=True)
class PositiveRule:
    """A parsed rule.

    Attributes:
        alternatives: conjunctions, of which one must hold.
    """

    alternatives: tuple[tuple[Condition, ...], ...]

    def columns(self) -> list[str]:
        """Returns the columns of all conditions."""
        return [condition.column for conditions in self.alternatives for condition in conditions]


def parse_positive(written: Any) -> PositiveRule:
    """Parses the key `positive`.

    Raises:
        ValueError: it is no rule; the message says what to write.
    """
    if not isinstance(written, str):
        raise ValueError(_ADVICE)
    tokens = _tokens(written)
    alternatives = [
        tuple(_condition(part, written) for part in _split(conjunction, "and"))
        for conjunction in _split(tokens, "or")
    ]
    return PositiveRule(tuple(alternatives))


@dataclasses.dataclass(frozen=True)
class _Token:
    """A part of a rule: its kind (quoted, sign or word), its text, and its place."""

    kind: str
    text: str
    start: int
    end: int

    def is_word(self, word: str) -> bool:
        return self.kind == "word" and self.text.lower() == word


def _tokens(written: str) -> list[_Token]:
    tokens, at = [], 0
    while written[at:].strip():
        match = _TOKEN.match(written, at)
        if match is None:
            raise ValueError(f"a quote is not closed; {_ADVICE}")
        kind = str(match.lastgroup)
        text = match[kind][1:-1] if kind == "quoted" else match[kind]
        tokens.append(_Token(kind, text, match.start(kind), match.end()))
        at = match.end()
    return tokens


def _split(tokens: list[_Token], word: str) -> list[list[_Token]]:
    parts: list[list[_Token]] = [[]]
    for token in tokens:
        if token.is_word(word):
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _condition(tokens: list[_Token], written: str) -> Condition:
    signs = [n for n, token in enumerate(tokens) if token.kind == "sign"]
    if not tokens:
        raise ValueError(_ADVICE)
    if not signs:
        is_negated = tokens[0].is_word("not") and len(tokens) > 1
        column = _name(tokens[1:] if is_negated else tokens, written)
        return Condition(column, "is", (not is_negated,))
    first = signs[0]
    sign = tokens[first].text
    if sign in ("[", "("):
        return _membership(tokens, first, written)
    if sign in _MISSPELLED:
        raise ValueError(f"write {_MISSPELLED[sign]} instead of {sign}")
    if sign not in _COMPARISONS or len(signs) > 1:
        raise ValueError(_ADVICE)
    value = _literal(tokens[first + 1 :], written)
    if sign not in ("==", "!="):
        number = _number(value)
        if number is None:
            shown = written[tokens[first].end :].strip()
            raise ValueError(f"{sign} compares numbers, and {shown} is none; {_ADVICE}")
        value = number
    return Condition(_name(tokens[:first], written), sign, (value,))


def _membership(tokens: list[_Token], first: int, written: str) -> Condition:
    is_set = first > 1 and tokens[first - 1].is_word("in") and tokens[-1].text in ("]", ")")
    inner = tokens[first + 1 : -1]
    if not is_set or any(token.kind == "sign" and token.text != "," for token in inner):
        raise ValueError(_ADVICE)
    is_negated = first > 2 and tokens[first - 2].is_word("not")
    values, part = [], list[_Token]()
    for token in [*inner, None]:
        if token is None or (token.kind == "sign" and token.text == ","):
            values.append(_literal(part, written))
            part = []
        else:
            part.append(token)
    column = _name(tokens[: first - 1 - is_negated], written)
    return Condition(column, "not in" if is_negated else "in", tuple(values))


def _name(tokens: list[_Token], written: str) -> str:
    """Joins the words of a column or a value with the blanks that are between them."""
    if not tokens or (len(tokens) > 1 and any(token.kind != "word" for token in tokens)):
        raise ValueError(_ADVICE)
    if len(tokens) == 1:
        return tokens[0].text
    return written[tokens[0].start : tokens[-1].end]


def _literal(tokens: list[_Token], written: str) -> Literal:
    text = _name(tokens, written)
    if tokens[0].kind == "quoted":
        return text
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    number = _number(text)
    return text if number is None else number


def _number(value: Literal) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return to_number(value)
    except BrokenValue:
        return None


def _to_text(raw: Any) -> str:
    if isinstance(raw, float) and raw.is_integer():
        return str(int(raw))
    return to_utf8(raw).decode("utf-8").strip()


def _to_bool(raw: Any) -> bool:
    text = _to_text(raw).lower()
    if text not in _TRUE and text not in _FALSE:
        raise BrokenValue(f"neither true nor false: {quote(raw)}")
    return text in _TRUE


def _is_one_of(raw: Any, values: tuple[Literal, ...]) -> bool:
    """Returns whether a value equals one of a set, of which numbers equal numbers."""
    if all(isinstance(value, float) for value in values):
        return to_number(raw) in values
    if all(isinstance(value, bool) for value in values):
        return _to_bool(raw) in values
    text = _to_text(raw)
    number = _number(text)
    return any(
        number == value
        if isinstance(value, float)
        else text.lower() == str(value).lower()
        if isinstance(value, bool)
        else text == value
        for value in values
    )
