"""What a configuration says of the screen, judged by what there is: keys and presets."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.settings import Screen
from unstick.tui.keys import check_overrides
from unstick.tui.presets import check_presets

Place = tuple[str | int, ...]


def check_screen(screen: Screen) -> Iterator[tuple[Place, str, str]]:
    """Everything that is wrong: where below ``[screen]``, what, and how to mend it."""
    for name, what, mend in check_overrides(screen.keys):
        yield ("keys", name), what, mend
    if screen.presets:
        from unstick.views.tell import COLUMNS  # noqa: PLC0415 - few have presets

        for nth, key, what, mend in check_presets(screen.presets, COLUMNS):
            yield ("presets", nth, *key.split(".")), what, mend
