"""Gives every test the lab's fixtures. Nothing is started before a test asks for it."""

from __future__ import annotations

import signal

from tests.lab.fixtures import *  # noqa: F403

# A shell without job control starts what is in the background deaf to ctrl+c, and so would be everything started here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
