"""The dialect of a csv table: delimiter, quote, escape, encoding and marks of missing values."""

import dataclasses
from typing import Any

from tfmmrec.data.tables.encoding import codec_name
from tfmmrec.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Dialect:
    r"""How the text of a table is read. None: find out from the file.

    Attributes:
        delimiter: the character between two values.
        quote: the character around a value that may hold delimiters and line breaks; "" if the
            table does not quote.
        escape: the character before a quote within a quoted value, such as a backslash; "" if
            quotes within a value are doubled.
        encoding: the name of a Python codec, such as "latin-1".
        missing: texts that mean a missing value, such as "NA"; compared with the whole value.
    """

    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    encoding: str | None = None
    missing: tuple[str, ...] | None = None


DIALECT_KEYS = tuple(field.name for field in dataclasses.fields(Dialect))


def keys_without_effect(table_type: str) -> tuple[str, ...]:
    """Returns the keys of a dialect that tables of a type cannot have."""
    if table_type in ("csv", "tsv"):
        return ()
    of_csv = ("delimiter", "quote", "escape")
    return of_csv if table_type == "json" else (*of_csv, "encoding")


def parse_dialect(content: dict[str, Any], where: str) -> Dialect:
    """Reads the keys of a dialect from a table's section of the dataset file; others are ignored.

    Args:
        content: the section.
        where: the file and the key of the section, for messages.

    Raises:
        ConfigError: a value is invalid; the message names the key.
    """
    dialect = Dialect(
        delimiter=_character(content, "delimiter", where),
        quote=_character(content, "quote", where, none_allowed=True),
        escape=_character(content, "escape", where, none_allowed=True),
        encoding=_encoding(content, where),
        missing=_texts(content, where),
    )
    given = [dialect.delimiter, dialect.quote, dialect.escape]
    for position, name in enumerate(["delimiter", "quote", "escape"]):
        if given[position] and given[position] in given[:position]:
            raise ConfigError(
                f"{where}.{name}: must differ from delimiter and quote. "
                f"Received: {given[position]!r}"
            )
    return dialect


def _character(
    content: dict[str, Any], name: str, where: str, *, none_allowed: bool = False
) -> str | None:
    value = content.get(name)
    if value is None or (none_allowed and (value is False or value == "")):
        return None if value is None else ""
    if (
        isinstance(value, str)
        and len(value) == 1
        and value.isascii()
        and not value.isalnum()
        and value not in "\r\n\0"
    ):
        return value
    example = {"delimiter": '";" or "\\t"', "quote": '"\'"', "escape": '"\\\\"'}[name]
    none = ', or "" for none' if none_allowed else ""
    raise ConfigError(
        f"{where}.{name}: must be one ASCII character that is no letter, digit or line break, "
        f"such as {example}{none}. Received: {value!r}"
    )


def _encoding(content: dict[str, Any], where: str) -> str | None:
    value = content.get("encoding")
    if value is None:
        return None
    try:
        return codec_name(value)
    except (TypeError, LookupError, ValueError):
        raise ConfigError(
            f"{where}.encoding: unknown encoding; write utf-8, utf-16, latin-1, cp1252, gb18030, "
            f"shift_jis or another that Python knows. Received: {value!r}"
        ) from None


def _texts(content: dict[str, Any], where: str) -> tuple[str, ...] | None:
    value = content.get("missing")
    if value is None:
        return None
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ConfigError(
            f"{where}.missing: must be a list of texts; put words such as null, NaN and numbers "
            f'in quotes: ["\\\\N", "NA", "-1"]. Received: {value!r}'
        )
    return tuple(texts)
