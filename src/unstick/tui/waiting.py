"""What stands on the screen before the first frame was told."""

from __future__ import annotations

from unstick.facts.level import Level
from unstick.tui.options import BoardOptions
from unstick.views.pane import Line, PaneView, Role, Span
from unstick.views.screen import PANE_KEYS, Told


def waiting(options: BoardOptions) -> Told:
    """Empty panes that say that nothing was seen yet: unknown, not well."""
    empty: Line = (Span("waiting for the first look", Role.DIM),)
    panes = tuple(PaneView(key, key.capitalize(), Level.OK, (), (), (), (), (), empty) for key in PANE_KEYS)
    verdict = PaneView("verdict", "What is stuck", Level.UNKNOWN, (), (), (), (), (), empty)
    name = (Span("unstick", Role.STRONG), Span(f"  {options.context}", Role.ACCENT))
    return Told((name, (Span("connecting", Role.DIM),)), verdict, panes)
