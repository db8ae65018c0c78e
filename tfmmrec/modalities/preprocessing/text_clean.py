"""The step `clean`: Unicode normalization; removes markup, control characters and extra spaces."""

import dataclasses
import html.parser
import re
import unicodedata
from collections.abc import Mapping
from typing import ClassVar, Literal

from tfmmrec.config.checks import check_count
from tfmmrec.modalities.preprocessing.base import STEPS, Step, Values

# Directional marks only change how a text is displayed. Equal titles must not differ by them, and a
# truncated text must not contain half a pair. The joiners U+200C and U+200D are kept, since Persian
# and emoji need them; so are tag characters, which some flags contain.
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = "\u00ad\u2060\ufeff"  # soft hyphen, word joiner, byte order mark
_CONTROL = "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"
_REMOVED = re.compile(f"[{_CONTROL}{_BIDI}{_INVISIBLE}]")
# U+200B separates words in scripts without spaces. split() handles the other spaces.
_SPACE = re.compile("[\u200b\\s]+")

# The inline and block elements of HTML.
_INLINE_NAMES = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark q rp rt ruby "
    "s samp small span strike strong sub sup time tt u var wbr"
)
_BLOCK_NAMES = (
    "address article aside audio blockquote body br button canvas caption center col colgroup dd "
    "details dialog dir div dl dt embed fieldset figcaption figure footer form frame frameset h1 "
    "h2 h3 h4 h5 h6 head header hgroup hr html iframe img input legend li link main map menu meta "
    "nav noscript object ol optgroup option p param picture pre progress script section select "
    "source style summary svg table tbody td template textarea tfoot th thead title tr track ul "
    "video"
)
# The boolean attributes of HTML.
_BARE_NAMES = (
    "allowfullscreen async autofocus autoplay checked compact controls default defer disabled "
    "download hidden inert ismap itemscope loop multiple muted nohref nomodule noshade novalidate "
    "nowrap open playsinline readonly required reversed selected"
)
_INLINE, _BLOCK = frozenset(_INLINE_NAMES.split()), frozenset(_BLOCK_NAMES.split())
_BARE = frozenset(_BARE_NAMES.split())


@STEPS.register("clean")
@dataclasses.dataclass(frozen=True)
class Clean(Step):
    """Normalizes a text, so that equal texts have equal bytes.

    Attributes:
        form: `NFC` (default) keeps the appearance; `NFKC` also replaces wide, small and circled
            forms by plain ones.
        max_chars: the maximum number of code points (default: no limit). A letter and its
            accents, or the parts of an emoji, are never separated.
    """

    modalities: ClassVar[tuple[str, ...]] = ("text",)
    form: Literal["NFC", "NFKC"] = "NFC"
    max_chars: int | None = None

    def __post_init__(self) -> None:
        if self.form not in ("NFC", "NFKC"):
            raise ValueError(f"form must be NFC or NFKC. Received: {self.form!r}")
        if self.max_chars is not None:
            check_count("max_chars", self.max_chars, 1)

    def run(self, value: bytes) -> tuple[bytes, Mapping[str, Values]]:
        text = strip_markup(value.decode("utf-8"))
        text = unicodedata.normalize(self.form, _REMOVED.sub("", text))
        text = _SPACE.sub(" ", text).strip()
        if self.max_chars is not None:
            text = cut(text, self.max_chars)
        return text.encode("utf-8"), {}


def strip_markup(text: str) -> str:
    """Removes HTML tags and comments from a text, and decodes entities once.

    Text that only looks like markup is kept: `a < b and c > d`, `List<int>`, `I <3 you`.
    """
    if "<" not in text and "&" not in text:
        return text
    parser = _Parser()
    # An unclosed bracket does not open a tag; parsers treat it differently.
    last = text.rfind(">") + 1
    parser.feed(text[:last] + text[last:].replace("<", "&lt;"))
    parser.close()
    return "".join(parser.parts)


class _Parser(html.parser.HTMLParser):
    """Collects the text between the tags of HTML."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    def set_cdata_mode(self, elem: str, **options: bool) -> None:
        # An unclosed script is a word of the text; it must not consume the rest.
        if f"</{elem}" in self.rawdata.lower():
            super().set_cdata_mode(elem, **options)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        bare = {name for name, value in attrs if value is None}
        if tag not in _INLINE | _BLOCK or bare - _BARE:
            self.parts.append(self.get_starttag_text() or "")
        elif tag in _BLOCK:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCK:
            self.parts.append(" ")
        elif tag not in _INLINE:
            self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem not in ("script", "style"):
            self.parts.append(data)


def cut(text: str, max_chars: int) -> str:
    """Truncates a text to `max_chars` code points, or fewer to keep characters whole."""
    end = max_chars
    while 0 < end < len(text) and _continues(text, end):
        end -= 1
    # A single character longer than the limit is truncated.
    return text[: end or max_chars].strip()


def _continues(text: str, index: int) -> bool:
    """Returns whether the code point at an index continues the previous character."""
    here, before = text[index], text[index - 1]
    if "\u200d" in (here, before) or here == "\u200c" or unicodedata.category(here)[0] == "M":
        return True
    if "\U0001f3fb" <= here <= "\U0001f3ff" or "\U000e0020" <= here <= "\U000e007f":
        return True  # a skin tone, or part of a flag
    regional = 0
    while index and "\U0001f1e6" <= text[index - 1] <= "\U0001f1ff":
        regional, index = regional + 1, index - 1
    return regional % 2 == 1 and "\U0001f1e6" <= here <= "\U0001f1ff"
