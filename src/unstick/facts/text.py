"""One sanitiser for every text from outside: used where data enters and again where it is drawn.

Control characters, C1, bidi controls, invisible characters and lone surrogates become visible; runs of combining
marks and over-long texts are cut with a mark. Rule and corpus: CWE-150, kubectl CVE-2021-25743.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

CELL_LIMIT = 512
_COMBINING_LIMIT = 8
_SUSPECT = re.compile(r"[^\x20-\x7e]")
_DIGITS = re.compile(r"([0-9]{1,18})")
_HIDDEN = frozenset(
    [
        *range(0x200B, 0x2010),
        *range(0x2028, 0x202F),
        *range(0x2060, 0x2070),
        *range(0xFFF9, 0xFFFC),
        *range(0xE0000, 0xE0080),
        *(0x061C, 0x180E, 0xFEFF, 0x115F, 0x3164),
    ]
)


def clean(text: str, limit: int = CELL_LIMIT) -> str:
    r"""``text`` made harmless for a terminal, at most ``limit`` characters and the count of those left out.

    >>> clean("a\x1b[31mb\u202ec")
    'a^[[31mb‹U+202E›c'
    >>> clean("x" * 600)[-8:]
    'xxxx…+88'
    """
    left_out = len(text) - limit
    if left_out > 0:
        text = text[:limit]
    if _SUSPECT.search(text):
        text = _visible(unicodedata.normalize("NFC", text))
    return f"{text}…+{left_out}" if left_out > 0 else text


def clean_bytes(data: bytes, limit: int = CELL_LIMIT) -> str:
    """Bytes of unknown encoding as harmless text; what is not UTF-8 shows as U+FFFD."""
    return clean(data[: limit * 4 + 4].decode("utf-8", "replace"), limit)


@lru_cache(maxsize=1 << 15)
def natural(text: str) -> tuple[tuple[int, str], ...]:
    """A sort key that counts: ``w_2`` stands before ``w_10``.

    >>> sorted(["w_10", "w_2", "w"], key=natural)
    ['w', 'w_2', 'w_10']
    """
    parts = _DIGITS.split(text)
    return tuple([(int(part), "") if nth % 2 else (-1, part) for nth, part in enumerate(parts) if part])


def _visible(text: str) -> str:
    out: list[str] = []
    marks = 0
    for char in text:
        code = ord(char)
        if unicodedata.combining(char) or 0xFE00 <= code <= 0xFE0F:
            marks += 1
            if marks <= _COMBINING_LIMIT:
                out.append(char)
            elif marks == _COMBINING_LIMIT + 1:
                out.append("…")
            continue
        marks = 0
        out.append(_shown(char, code))
    return "".join(out)


def _shown(char: str, code: int) -> str:
    if code < 0x20 or code == 0x7F:
        return "^" + chr(code ^ 0x40)
    if 0x80 <= code < 0xA0:
        return f"\\x{code:02x}"
    if 0xD800 <= code < 0xE000:
        return "\ufffd"
    if code in _HIDDEN or (code > 0xA0 and unicodedata.category(char) == "Cf"):
        return f"‹U+{code:04X}›"
    return char
