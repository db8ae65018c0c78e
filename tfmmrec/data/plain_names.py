"""Names of files, Keras layers and variables for features, whose names may be any text."""

import hashlib
import re

_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_MAX_READABLE = 40


def plain_name(name: str) -> str:
    """Returns a name that every file system, and every scope of TensorFlow, accepts.

    Lower-case letters a to z, digits, `_` and `-` stay as they are. A name with anything else
    keeps what is readable of it and gets a hash, so that different names stay different: also
    `Title` and `title`, which some file systems take for one, or two forms of Unicode. A name that
    stays as it is has no dot, so no name can imitate another one with its hash.

    Args:
        name: the name of a feature.

    Examples:
        >>> plain_name("title")
        'title'
        >>> plain_name("Book Title")
        'book_title.f729197112fb'
        >>> plain_name("..")
        'x.5ec1f7e700f3'
    """
    if _PLAIN.fullmatch(name):
        return name
    readable = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:_MAX_READABLE]
    return f"{readable or 'x'}.{hashlib.sha256(name.encode()).hexdigest()[:12]}"
