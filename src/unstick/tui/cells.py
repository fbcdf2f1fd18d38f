"""How texts fall into cells, as Textual's compositor counts them; Rich is loaded only for texts that need it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

_OWN = "…–—·×•⚑✖↵⇧←↑↓→"
_NARROW = frozenset([*map(chr, (*range(0x20, 0x7F), *range(0x2500, 0x25FD))), *_OWN])
"""Characters of one cell: ASCII, boxes, blocks and geometry, and what else the board itself writes."""


def measure(text: str) -> int:
    """How many cells ``text`` takes. Rich remembers that itself; most texts need no memory."""
    if _NARROW.issuperset(text):
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - takes time

    return cell_len(text)


def cells_of(text: str) -> Sequence[str]:
    """``text`` cell by cell; the right half of a wide character is empty.

    >>> cells_of("a漢")
    ('a', '漢', '')
    """
    return text if _NARROW.issuperset(text) else _wide(text)


@lru_cache(maxsize=512)
def _wide(text: str) -> tuple[str, ...]:
    from rich.cells import cell_len, split_graphemes  # noqa: PLC0415 - takes time

    spans, width = split_graphemes(text)
    cells: list[str] = []
    for start, end, size in spans:
        cells += [text[start:end], *[""] * (size - 1)] if size else []
        if not size and cells:
            cells[-1] += text[start:end]
    if len(cells) != width or width != cell_len(text):
        cells = [*cells, *" " * cell_len(text)][: cell_len(text)]
    return tuple(cells)
