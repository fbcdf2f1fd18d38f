"""The web application as its queues see it: enqueues work on all four job systems, for ever."""

from __future__ import annotations

import itertools
import random
import signal
import threading
from collections.abc import Callable

from demo_data.world import celery_app, dramatiq_app, exports_app, thumbnails_app
from demo_data.world.common import log_to_stdout

log = log_to_stdout("producer")
stop = threading.Event()
numbers = itertools.count(1)


def every(seconds: float, send: Callable[[random.Random], object]) -> None:
    """Sends about once in so many seconds, whatever happens to a single attempt."""
    dice = random.Random(seconds)
    while not stop.wait(seconds * dice.uniform(0.5, 1.5)):
        try:
            send(dice)
        except Exception as error:
            log.warning("not sent: %s: %s", type(error).__name__, error)
            stop.wait(2)


def remind(dice: random.Random) -> None:
    """A notification for later: a delayed message."""
    dramatiq_app.send_notification.send_with_options(
        args=(dice.randrange(1, 500),), delay=dice.randrange(20, 60) * 1000
    )


STREAMS: list[tuple[float, Callable[[random.Random], object]]] = [
    (0.8, lambda dice: dramatiq_app.process_csv_analysis_task.send(next(numbers), 523_700_000 + dice.randrange(500))),
    (1.2, lambda dice: dramatiq_app.send_notification.send(dice.randrange(1, 500))),
    (3.0, lambda _: dramatiq_app.generate_report.send(next(numbers))),
    (5.0, remind),
    (15.0, lambda _: dramatiq_app.cleanup_temp_files.send()),
    (1.5, lambda dice: exports_app.export_portfolio.send(dice.randrange(1, 500))),
    (1.0, lambda _: thumbnails_app.make_thumbnail.delay(f"image-{next(numbers)}.jpg")),
    (2.0, lambda dice: celery_app.refresh_rates.apply_async(priority=dice.choice([0, 3, 6, 9]))),
]


def main() -> None:
    """One thread per stream until SIGTERM."""
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    threads = [threading.Thread(target=every, args=stream, daemon=True) for stream in STREAMS]
    for thread in threads:
        thread.start()
    stop.wait()


if __name__ == "__main__":
    main()
