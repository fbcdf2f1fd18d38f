"""What goes wrong, told in one line on standard error."""

from __future__ import annotations

import sys

from unstick.facts.text import clean
from unstick.tui import first


def complain(text: str) -> None:
    """One line on standard error, where no picture hides it."""
    first.give_back()
    sys.stderr.write(f"unstick: {clean(' '.join(text.split()), 2000)}\n")
