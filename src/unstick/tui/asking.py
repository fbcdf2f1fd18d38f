"""The part of the board that asks one Celery worker by hand. Nobody is asked by itself, and a recording never."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from textual.widget import Widget

from unstick import clock
from unstick.backends.base import BackendError
from unstick.facts.celery_look import CeleryLook
from unstick.facts.text import clean
from unstick.tui.engine import where
from unstick.views.celery_look import KEY, Asked, view
from unstick.views.pages import page_key
from unstick.views.pane import PaneView
from unstick.views.workers import worker_key

if TYPE_CHECKING:
    from unstick.board.worker import Worker
    from unstick.tui.app import BoardApp
    from unstick.tui.board import BoardScreen

log = logging.getLogger(__name__)
NO_ANSWERS = "a recording cannot be asked"

Inspect = Callable[[str, str], Awaitable[CeleryLook]]
"""Source of the events and name of the worker to what it says. Raises :class:`BackendError`."""


class Asking(Widget, inherit_bindings=False):
    """Keeps the newest question and what came of it; the answer is shown with its age."""

    def __init__(self) -> None:
        super().__init__()
        self._asked: Asked | None = None

    def action_inspect(self) -> None:
        """Ask the Celery worker under the cursor, or of the page that is shown, what it has in hand."""
        screen, app = _screen(self), cast("BoardApp", self.app)
        worker = self._worker()
        if app.inspect is None:
            screen.say(NO_ANSWERS)
        elif worker is None and not screen.shows(KEY):
            screen.say("only a Celery worker can be asked: there is none under the cursor")
        elif worker is not None:
            self._asked = asked = Asked(worker_key(worker), worker.id, clock.now())
            screen.lay_over(KEY)
            app.engine.run(lambda: self._ask(asked, worker.source))

    def _worker(self) -> Worker | None:
        screen = _screen(self)
        board, row, pane = screen.told.board, screen.front.current, screen.front
        workers = board.subjects.workers.items if board is not None and board.subjects.workers is not None else ()
        key = screen.ui.trail.shown or (page_key(pane.key, row) if row is not None else "")
        if screen.shows(KEY) and self._asked is not None:
            key = self._asked.key
        return next((one for one in workers if one.kind == "celery" and worker_key(one) == key), None)

    async def _ask(self, asked: Asked, source: str) -> None:
        """In the engine's loop: the worker's broker is asked, and the screen is told."""
        app = cast("BoardApp", self.app)
        look, trouble = None, ""
        try:
            look = await app.inspect(source, asked.hostname) if app.inspect is not None else None
        except BackendError as error:
            trouble = clean(str(error), 200)
        except Exception as error:
            log.exception("a worker could not be asked")
            trouble = where(error)
        told = Asked(asked.key, asked.hostname, clock.now(), look, trouble)
        app.post_answer(lambda: self._came(asked, told))

    def _came(self, asked: Asked, told: Asked) -> None:
        if self._asked is asked:
            self._asked = told
            _screen(self).show_picture()

    def tick_answer(self) -> None:
        """The age of the answer goes on."""
        if _screen(self).shows(KEY):
            _screen(self).tell_overlay()

    def answers(self) -> tuple[PaneView, ...]:
        """The page of the newest answer, as far as it lies over the board."""
        if self._asked is None or not _screen(self).shows(KEY):
            return ()
        return (view(self._asked, clock.now()),)


def _screen(part: Asking) -> BoardScreen:
    return cast("BoardScreen", part)
