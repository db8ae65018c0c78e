"""The file of a card: a generated part, and the text of its owner around it."""

import hashlib
import re
import sys
from pathlib import Path

from tfmmrec.data.storage import write_text

_BEGIN = "<!-- tfmmrec: generated"
_END = "<!-- /tfmmrec -->"
_PART = re.compile(
    re.escape(_BEGIN) + r"(?: ([0-9a-f]{16}))? -->\s*?\n(.*?)" + re.escape(_END), re.DOTALL
)


def write_card(path: Path, generated: str, *, title: str, owner: str) -> bool:
    """Writes a card, or replaces the generated part of an existing card.

    The generated part is between two comments; the first has a hash of it, so that edits are
    detected. A file without the comments, or with an edited generated part, is left as it is, and a
    line on stderr reports it. An empty generated part is filled in.

    Args:
        path: of the card.
        generated: the generated part, without comments.
        title: before it in a new file.
        owner: after it in a new file.

    Returns:
        Whether it was written.

    Raises:
        DataError: it cannot be written.
    """
    part = f"{_BEGIN} {_hash(generated)} -->\n\n{generated.strip()}\n\n{_END}"
    if not path.exists():
        write_text(path, f"{title.strip()}\n\n{part}\n\n{owner.strip()}\n")
        return True
    try:
        # Bytes, to keep the line ends outside of the generated part.
        old = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        return _leave(path, f"it cannot be read: {error}")
    found = list(_PART.finditer(old))
    if len(found) != 1 or old.count(_BEGIN) != 1 or old.count(_END) != 1:
        return _leave(path, f"it does not have the lines {_BEGIN} --> and {_END} once each")
    digest, standing = found[0].groups()
    if standing.strip() and _hash(standing) != digest:
        return _leave(path, "its generated part was edited; move the edits out, empty the part")
    write_text(path, old[: found[0].start()] + part + old[found[0].end() :])
    return True


def _hash(part: str) -> str:
    """Hashes a text, without line ends and trailing blanks."""
    lines = [line.rstrip() for line in part.strip().splitlines()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _leave(path: Path, reason: str) -> bool:
    print(f"tfmmrec: {path}: left as it is: {reason}", file=sys.stderr)
    return False
