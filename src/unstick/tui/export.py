"""What leaves the screen: rows as text, CSV or JSON, and the terminal's own clipboard. Pure."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Sequence

from unstick.views.pane import Line, PaneView, Row

CLIP_LIMIT = 50_000
"""Characters that terminals still take: xterm and tmux stop at 74,994 bytes of base64."""


def text_of(line: Line) -> str:
    """A line without its roles."""
    return " ".join("".join(span.text for span in line).split())


def row_text(row: Row) -> str:
    """The cells of a row with tabs between them: what a spreadsheet takes."""
    return "\t".join(text_of(cell) for cell in row.cells).strip()


def told(row: Row) -> str:
    """A row with everything that it tells when opened, a line each."""
    return "\n".join((row_text(row), *(f"  {name or ' '}: {text}" for name, text in row.details)))


def pane_text(view: PaneView, rows: Sequence[Row]) -> str:
    """A pane as tab-separated lines under the titles of its columns."""
    head = "\t".join(column.title or column.key for column in view.columns)
    return "\n".join((head, *(row_text(row) for row in rows)))


def as_csv(view: PaneView, rows: Sequence[Row]) -> str:
    """Rows as they are shown; a cell that a spreadsheet would take for a formula is quoted by an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["level", *(column.key for column in view.columns)])
    for row in rows:
        writer.writerow([row.level.value, *(_harmless(text_of(cell)) for cell in row.cells)])
    return out.getvalue()


def _harmless(text: str) -> str:
    """https://owasp.org/www-community/attacks/CSV_Injection."""
    return f"'{text}" if text[:1] in {"=", "@"} or (text[:1] in {"+", "-"} and not text[1:2].isdigit()) else text


def as_json(view: PaneView, rows: Sequence[Row]) -> str:
    """Rows with the values that they are ordered by, by the keys of the columns; unknown is ``null``."""
    keys = [column.key for column in view.columns]
    told_rows = [
        {"key": row.key, "level": row.level.value, **dict(zip(keys, row.sort, strict=False))} for row in rows
    ]
    return json.dumps({"pane": view.key, "rows": told_rows}, ensure_ascii=False, indent=1) + "\n"


def clip(text: str) -> tuple[bytes, bool]:
    """The sequence that puts ``text`` into the clipboard of the terminal (OSC 52), and whether it was cut."""
    cut = text[:CLIP_LIMIT]
    return b"\x1b]52;c;" + base64.b64encode(cut.encode("utf-8", "replace")) + b"\x07", len(cut) < len(text)
