"""A card's file: a part that is written anew, and what its owner wrote around it."""

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
    """Writes a card, or the generated part of one that stands there.

    The part stands between two comments, of which the first holds a hash of it, so that what
    somebody wrote into it is noticed. A file without the comments, or with another part than was
    generated, is left as it is, and a line on stderr says so. An empty part is filled in.

    Args:
        path: of the card.
        generated: the part, which holds no comments.
        title: stands before it in a new file.
        owner: stands behind it in a new file.

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
        # Bytes, for the line ends outside of the part are the owner's too.
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
    """Names a text, whatever its line ends and the blanks before them."""
    lines = [line.rstrip() for line in part.strip().splitlines()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _leave(path: Path, reason: str) -> bool:
    print(f"tfmmrec: {path}: left as it is: {reason}", file=sys.stderr)
    return False
