"""The body of an HTTP request, plain or compressed with gzip, up to a limit."""

import zlib

from starlette.exceptions import HTTPException
from starlette.requests import Request

# Of a body as it is sent, and of what it holds once decompressed.
MAX_BODY_BYTES = 64 * 2**20
_MAX_MIB = MAX_BODY_BYTES // 2**20
_GZIP = 16 + zlib.MAX_WBITS


async def read_body(request: Request) -> bytes:
    """Reads the body of a request, in one piece or in chunks, and decompresses it.

    Raises:
        HTTPException: 413 for a body over the limit, 415 for another compression than gzip, 400
            for a body that is not valid gzip.
    """
    encoding = request.headers.get("content-encoding", "").strip().lower() or "identity"
    if encoding not in ("identity", "gzip", "x-gzip"):
        accepted = {"Accept-Encoding": "gzip, identity"}
        message = f"Content-Encoding: {encoding} is not read; send gzip, or no compression"
        raise HTTPException(415, message, accepted)
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > MAX_BODY_BYTES:
        raise _too_large(f"{int(stated):,} bytes")
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise _too_large("more than that")
        parts.append(part)
    body = b"".join(parts)
    return body if encoding == "identity" else _decompress(body)


def _decompress(body: bytes) -> bytes:
    """Decompresses a gzip file of one or several members."""
    parts: list[bytes] = []
    size = 0
    while body or not parts:
        member = zlib.decompressobj(_GZIP)
        try:
            # One byte more than allowed tells that there is more.
            parts.append(member.decompress(body, MAX_BODY_BYTES + 1 - size))
        except zlib.error as error:
            raise HTTPException(400, f"the body is not valid gzip: {error}") from None
        size += len(parts[-1])
        if size > MAX_BODY_BYTES:
            raise _too_large("more than that once decompressed")
        if not member.eof:
            raise HTTPException(400, "the body is not valid gzip: it is cut off")
        body = member.unused_data
    return b"".join(parts)


def _too_large(received: str) -> HTTPException:
    message = f"the body must have at most {_MAX_MIB} MiB. Received: {received}; send fewer rows"
    return HTTPException(413, message)
