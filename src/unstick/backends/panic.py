"""The panic file: while it exists nobody on this host changes anything."""

from __future__ import annotations

import os

from unstick.facts.text import clean


def panic(path: str) -> str:
    """Why nothing may be changed; empty when it may. What can't be looked at counts as there.

    >>> panic("/nowhere/panic"), panic("/dev/null"), panic("")
    ('', 'the panic file /dev/null exists', '')
    """
    if not path:
        return ""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return f"nobody can tell whether the panic file {clean(path)} exists ({error.strerror})"
    return f"the panic file {clean(path)} exists"
