"""Everything of Textual that is used here without being promised by it, in one place, with a check that it fits.

Textual sends every region that was asked to be painted, whether it changed or not. Between its compositor and the
terminal stands :class:`unstick.tui.display.Display`; where :func:`misfit` finds another Textual than the one that
the tests run against, Textual's own display and driver are used instead.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rich.console import RenderableType
from textual import events
from textual._compositor import ChopsUpdate, Compositor, LayoutUpdate
from textual._xterm_parser import XTermParser as EscapeParser
from textual.app import App
from textual.driver import Driver
from textual.screen import Screen
from textual.strip import Strip
from textual.timer import Timer

from unstick.tui.display import Display

__all__ = ["EscapeParser", "PrivateApp", "PrivateScreen", "driver_of", "misfit"]

_SIGNATURES: tuple[tuple[Callable[..., Any], tuple[str, ...]], ...] = (
    (App._display, ("self", "screen", "renderable")),  # noqa: SLF001
    (Screen._compositor_refresh, ("self",)),  # noqa: SLF001
    (Compositor.render_update, ("self", "full", "screen_stack", "simplify")),
    (LayoutUpdate.__init__, ("self", "strips", "region")),
    (ChopsUpdate.__init__, ("self", "chops", "spans", "chop_ends")),
    (App._check_bindings, ("self", "key", "priority")),  # noqa: SLF001
    (EscapeParser.feed, ("self", "data")),
    (EscapeParser.tick, ("self",)),
)
_ATTRIBUTES = ("_batch_count", "_running", "_closed", "_sync_available", "_exit", "_driver", "_exception", "_filters")


def misfit(app: App[Any]) -> str | None:
    """What the installed Textual does not have in the shape that is needed here; ``None``: all is as expected."""
    for function, expected in _SIGNATURES:
        if tuple(inspect.signature(function).parameters) != expected:
            return f"{function.__qualname__} has other parameters"
    for name in _ATTRIBUTES:
        if not hasattr(app, name):
            return f"App has no {name}"
    return (
        None if isinstance(getattr(Compositor(), "_dirty_regions", None), set) else "the compositor counts otherwise"
    )


def driver_of(app: App[Any]) -> Driver | None:
    """The terminal driver, for tests that read what was written."""
    return app._driver  # noqa: SLF001


_UNSETTLED_S = 0.1
"""How long a new layout may wait for its widgets to draw themselves."""


class PrivateScreen(Screen[None], inherit_bindings=False):
    """Composes nothing while the terminal has not taken the last frame: what changed meanwhile is painted at once.

    Nor between a new layout and the moment when the widgets have drawn themselves for it: nobody wants to see that.
    """

    held = False
    """Something changed that was not composed yet."""
    _patience: Timer | None = None
    _impatient = False

    def settled(self) -> bool:
        """Whether every visible widget has drawn itself for the place that it has."""
        return True

    def _compositor_refresh(self) -> None:
        display = self.app.differ if isinstance(self.app, PrivateApp) else None
        if display is not None and self.is_current:
            if not display.ready or not self._patient():
                self.held = True
                self._dirty_widgets.clear()  # what they asked for is already among the compositor's regions
                return
            size = self._compositor.size
            if display.follow(size.width, size.height):
                self._compositor._dirty_regions.add(size.region)  # noqa: SLF001
        self.held = False
        super()._compositor_refresh()

    def _patient(self) -> bool:
        """Whether it is time to compose; unsettled widgets are waited for only so long."""
        if self._impatient or self.settled():
            if self._patience is not None:
                self._patience.stop()
            self._patience, self._impatient = None, False
            return True
        if self._patience is None:
            self._patience = self.set_timer(_UNSETTLED_S, self._lose_patience)
        return False

    def _lose_patience(self) -> None:
        self._impatient = True
        self.compose_held()

    def compose_held(self) -> None:
        """Paint what was held back."""
        if self.held:
            self._compositor_refresh()

    def painted(self) -> list[Strip]:
        """Every line as it would be sent."""
        return self._compositor.render_strips()

    def stain(self) -> None:
        """The next time, compose every line, changed or not."""
        self._compositor._dirty_regions.add(self._compositor.size.region)  # noqa: SLF001


class PrivateApp(App[None], inherit_bindings=False):
    """Hands what was composed to :attr:`differ`, if there is one; keeps errors for the caller."""

    differ: Display | None = None
    crash: BaseException | None = None

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        if self.differ is None or not isinstance(renderable, LayoutUpdate | ChopsUpdate):
            super()._display(screen, renderable)
            return
        if self._batch_count:
            return
        try:
            if self._running and not self._closed:
                self.differ.show(_strips(renderable), synchronized=self._sync_available)
        except Exception as error:  # noqa: BLE001 - as Textual's own display does
            self._handle_exception(error)
        finally:
            self.post_display_hook()

    def keep_colors(self) -> None:
        """Take no colour away, whatever the environment says: what is painted is for no terminal."""
        self._filters.clear()

    @property
    def leaving(self) -> bool:
        """Whether an exit was asked for."""
        return self._exit

    def typed(self, event: events.Key | events.Paste) -> bool:
        """Take what was typed as text; whether it was taken."""
        del event
        return False

    async def on_event(self, event: events.Event) -> None:
        """Act upon one key after the other, each as the one before has left the board.

        Textual hands a key to the queue of a widget and gets it back in its own: of keys that arrive together, as
        they do over a slow line, the second would be judged before the first has done anything.
        """
        if not isinstance(event, events.Key | events.Paste):
            await super().on_event(event)
        elif not self.typed(event) and isinstance(event, events.Key):
            _ = await self._check_bindings(event.key, priority=True) or await self._check_bindings(event.key)

    # Textual prints tracebacks with the values of locals, secrets among them; here the error is kept for the caller.

    def _handle_exception(self, error: Exception) -> None:
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self.panic()
        self.crash = self._exception

    def end_at_once(self, code: int) -> None:
        """End without the queue of messages, after an error."""
        self._return_code = code
        self._close_messages_no_wait()


def _strips(update: LayoutUpdate | ChopsUpdate) -> Iterator[tuple[int, int, Iterable[Strip]]]:
    """Line, column and strips that follow one another there."""
    if isinstance(update, LayoutUpdate):
        for y, line in enumerate(update.strips, update.region.y):
            yield y, update.region.x, line
        return
    for y, left, right in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is not None and x < right and end > left:
                yield y, x, (strip,)
