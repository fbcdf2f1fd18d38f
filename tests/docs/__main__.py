"""``python -m tests.docs``: the parts of the documentation that are made from the code."""

from __future__ import annotations

from tests.docs.pages import write

write()
