"""One-to-one replacements for terminals that draw less than Unicode. Every glyph keeps its one cell."""

from __future__ import annotations

from collections.abc import Callable

from unstick.tui.terminal import Glyphs

_PLAIN = {
    "╭": "┌", "╮": "┐", "╰": "└", "╯": "┘", "┏": "╔", "┓": "╗", "┗": "╚", "┛": "╝", "━": "═", "┃": "║",
    "✖": "x", "▲": "▲", "▌": "▌", "▚": "▓", "↵": "<", "⇧": "^", "⌫": "<", "▸": "►", "●": "•", "◐": "o", "…": "~",
    **dict.fromkeys("▖▗", "▄"), **dict.fromkeys("▘▝", "▀"), **dict.fromkeys("▞▙▛▜▟", "█"),
    "◆": "♦", "▏": "│", "▪": "■", "▫": "·", "┈": "─", "┊": "│", "›": ">",
}  # fmt: skip
_ASCII = {
    **dict.fromkeys("╭╮╰╯┌┐└┘┏┓┗┛╔╗╚╝├┤┬┴┼", "+"), **dict.fromkeys("─╌┄┈", "-"), **dict.fromkeys("━═", "="),
    **dict.fromkeys("│┆┊", "|"), **dict.fromkeys("┃║", "#"),
    **dict.fromkeys("▖▗", "."), **dict.fromkeys("▘▝▀", "'"), **dict.fromkeys("▞▙▛▜▟▐", "#"),
    "●": "*", "◐": "o", "◆": "+", "■": "%", "▲": "!", "✖": "X", "…": "~", "▌": ">", "▸": ">", "·": ".", "•": "*",
    "▏": "|", "↵": "<", "⇧": "^", "⌫": "<", "▪": "o", "▫": "-", "○": "o", "≈": "~",
    "↓": "v", "↑": "^", "←": "<", "→": ">", "█": "#", "▓": "%", "▚": "X", "▒": "=", "░": ".", "⚑": "!", "×": "x",
    "≥": ">", "≤": "<", "–": "-", "—": "-", "‹": "<", "›": ">", "“": '"', "”": '"', "’": "'", "«": "<", "»": ">",
}  # fmt: skip
_BLOCKS = " ▁▂▃▄▅▆▇█"
_SPARK_ASCII = " _.-="
_BLOCKS_ASCII = {ord(block): _SPARK_ASCII[min(4, (nth + 1) // 2)] for nth, block in enumerate(_BLOCKS[:-1])}
_TABLES: dict[Glyphs, dict[int, str]] = {
    Glyphs.FULL: {},
    Glyphs.PLAIN: {ord(k): v for k, v in _PLAIN.items()},
    Glyphs.ASCII: {**_BLOCKS_ASCII, **{ord(k): v for k, v in _ASCII.items()}},
}


def replaced(text: str, glyphs: Glyphs, measure: Callable[[str], int] = len) -> str:
    """``text`` with what the terminal can draw, as wide as before. In ASCII, what has no likeness becomes ``?``.

    >>> replaced("╭ ● ▲ ▟ 3▏ я", Glyphs.ASCII)
    '+ * ! # 3| ?'
    """
    if glyphs is Glyphs.FULL or text.isascii():
        return text
    out = text.translate(_TABLES[glyphs])
    if glyphs is Glyphs.PLAIN or out.isascii():
        return out
    width = measure(text)
    out = "".join(char if char.isascii() else "?" * measure(char) for char in out)
    return out[:width].ljust(width, "?")
