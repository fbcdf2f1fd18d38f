"""Pictures that starts began with, kept for the next start of the same kind: it shows them before anything is loaded.

Standard library only, and little of it: whoever looks at the terminal waits for every import that is made here.
"""

from __future__ import annotations

import os
import zlib

from unstick import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TERMINAL = ("TERM", "COLORTERM", "NO_COLOR", "LC_ALL", "LC_CTYPE", "LANG", "TMUX")
_LARGEST = 1 << 18
_MOST = 32
"""So many pictures are kept: one per terminal size, configuration and command line."""


def key(arguments: Sequence[str], size: tuple[int, int], environ: Mapping[str, str]) -> bytes:
    """All that the first picture depends on, and the state of the files that it may come from."""
    home = os.path.expanduser("~")  # noqa: PTH111 - pathlib takes longer to load than all that is done here
    config = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    words = [part for word in arguments for part in (word, word.partition("=")[2], word[2:])]
    files = ["unstick.toml", f"{config}/unstick/unstick.toml", *words]
    state = [__version__, _here(), size, *map(environ.get, _TERMINAL), *arguments, *map(_stamp, files)]
    return ascii(state).encode()


def recall(wanted: bytes, environ: Mapping[str, str]) -> bytes:
    """The picture that was kept under a key, ready for the terminal; empty when there is none.

    What others could have written is not believed: it would go to the terminal as it is.
    """
    try:
        fd = os.open(_place(wanted, environ), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        status = os.fstat(fd)
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            return b""
        found, _, picture = os.read(fd, _LARGEST).partition(b"\n")
    except OSError:
        return b""
    finally:
        os.close(fd)
    return picture if found == wanted else b""


def keep(wanted: bytes, picture: bytes, environ: Mapping[str, str]) -> None:
    """Keep ``picture`` for the next start; where nothing can be written, nothing is kept."""
    place = _place(wanted, environ)
    folder, new = os.path.dirname(place), f"{place}.{os.getpid()}"  # noqa: PTH120
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(wanted + b"\n" + picture)
        os.replace(new, place)  # noqa: PTH105
        with os.scandir(folder) as entries:
            kept = sorted((entry.stat().st_mtime_ns, entry.path) for entry in entries)
        for _, path in kept[:-_MOST]:
            os.unlink(path)  # noqa: PTH108
    except OSError:
        return


def _place(wanted: bytes, environ: Mapping[str, str]) -> str:
    home = os.path.expanduser("~")  # noqa: PTH111
    return f"{environ.get('XDG_CACHE_HOME') or f'{home}/.cache'}/unstick/first/{zlib.crc32(wanted):08x}"


def _here() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:
        return ""


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size
