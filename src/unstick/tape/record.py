"""One record of a tape: a header in a zstd skippable frame, then one zstd frame with one JSON object and a newline.

``zstd -dc TAPE`` skips the headers and prints JSON lines. The header has a CRC of its own, so that a damaged length
is never followed; limits are checked before anything is decompressed.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, Literal

import msgspec
import zstandard

MAGIC = 0x184D2A5C
TAG = b"uT1\n"
HEADER = struct.Struct("<II4sBBHQQIII")
HEADER_SIZE = 44
BODY_SIZE = HEADER_SIZE - 8
MARKER = struct.pack("<II4s", MAGIC, BODY_SIZE, TAG)
"""What every record begins with: where a reader finds its place again after damage."""
HEADER_VERSION = 1
PAYLOAD_LIMIT = 16 << 20
CONTENT_LIMIT = 8 << 20
"""Bytes of JSON in one record, and of all deltas on one keyframe: decoded they stay below 256 MB."""
PEEK = HEADER_SIZE + 18
"""Header and the part of the zstd frame that declares its size."""
ZSTD_LEVEL = 3

Kind = Literal["M", "K", "D", "E", "Z"]


class TapeError(Exception):
    """This can't be played, in one line fit for the screen; ``mend`` says what to do."""

    def __init__(self, text: str, mend: str = "use a tape that unstick record made") -> None:
        super().__init__(text)
        self.mend = mend


class DamageError(Exception):
    """One record is not what was written; those after it may be."""


class Header(msgspec.Struct, frozen=True, gc=False):
    """``at`` is UTC seconds; ``size`` counts the payload that follows the header."""

    kind: str
    seq: int
    at: float
    size: int
    checksum: int


def pack(kind: Kind, seq: int, at: float, document: Any) -> bytes:
    """The bytes of one record. Raises ``ValueError`` when ``document`` is over the limits."""
    text = msgspec.json.encode(document) + b"\n"
    payload = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(text)
    if len(text) > CONTENT_LIMIT or len(payload) > PAYLOAD_LIMIT:
        raise ValueError(f"{len(text)} bytes in one record, limit {CONTENT_LIMIT}")
    milliseconds = min(max(round(at * 1000), 0), (1 << 63) - 1)
    head = HEADER.pack(
        *(MAGIC, BODY_SIZE, TAG, ord(kind), 0, HEADER_VERSION, seq, milliseconds, len(payload)),
        *(zlib.crc32(payload), 0),
    )[:-4]
    return head + struct.pack("<I", zlib.crc32(head)) + payload


def parse_header(data: bytes) -> Header | None:
    """The header at the beginning of ``data``; ``None`` when there is no whole and undamaged one.

    Raises :class:`TapeError` for a header of a newer unstick and for lengths that no unstick writes.
    """
    if len(data) < HEADER_SIZE or not data.startswith(MARKER):
        return None
    _, _, _, kind, _, version, seq, at_ms, size, checksum, own = HEADER.unpack_from(data)
    if zlib.crc32(data[: HEADER_SIZE - 4]) != own:
        return None
    if version > HEADER_VERSION:
        raise TapeError(f"record format {version} is newer than this unstick knows ({HEADER_VERSION})", "upgrade")
    if size > PAYLOAD_LIMIT:
        raise TapeError(f"record {seq} declares {size} bytes, limit {PAYLOAD_LIMIT}")
    return Header(chr(kind), seq, at_ms / 1000, size, checksum)


def content_size(payload: bytes) -> int:
    """What a zstd frame declares to hold. Raises :class:`DamageError` where it declares nothing."""
    try:
        size = zstandard.frame_content_size(payload)
    except zstandard.ZstdError as error:
        raise DamageError("no zstd frame") from error
    if size < 0:
        raise DamageError("a record of unknown size")
    return size


def unpack(header: Header, payload: bytes) -> dict[str, Any]:
    """The JSON object of a record. Raises :class:`DamageError` when it is not what was written."""
    if len(payload) != header.size or zlib.crc32(payload) != header.checksum:
        raise DamageError("checksum of the payload")
    size = content_size(payload)
    check_content(header, size)
    try:
        text = zstandard.ZstdDecompressor().decompress(payload, max_output_size=size, allow_extra_data=False)
        document = msgspec.json.decode(text)
    except (zstandard.ZstdError, msgspec.DecodeError, RecursionError, ValueError, MemoryError) as error:
        raise DamageError(f"payload: {type(error).__name__}") from error
    if not isinstance(document, dict):
        raise DamageError("payload: not an object")
    return document


def check_content(header: Header, size: int) -> None:
    """Raises :class:`TapeError` for a size that no unstick writes."""
    if size > CONTENT_LIMIT:
        raise TapeError(f"record {header.seq} declares {size} bytes of JSON, limit {CONTENT_LIMIT}")
