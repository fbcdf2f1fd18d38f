"""The board inside tmux and GNU screen: the same picture as without, through sizes, detaching and leaving."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.terminals import ROOT, TIMEOUT_S, Terminal

PLAY = f"{shlex.quote(sys.executable)} -m tests.tui.play incident --still"


class Multiplexer:
    """A server of its own, whose one window runs the board and then writes its exit code on the same screen."""

    name = ""
    detach = b""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rc = folder / "rc"
        self.env = {"PYTHONPATH": str(ROOT / "src"), "HOME": str(folder), "SCREENDIR": str(folder / "screens")}
        self.script = folder / "board"
        self.script.write_text(f"cd {ROOT}\n{PLAY}\necho code=$?\nread end\n")
        self.clients: list[Terminal] = []

    def _client(self, *command: str) -> Terminal:
        self.clients.append(Terminal(env=self.env, command=command))
        return self.clients[-1]

    def asked(self, *command: str) -> str:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S,
            env={**os.environ, **self.env, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        return done.stdout

    def start(self) -> Terminal:
        raise NotImplementedError

    def attach(self) -> Terminal:
        raise NotImplementedError

    def kill(self) -> None:
        raise NotImplementedError


class Tmux(Multiplexer):
    name = "tmux"
    detach = b"\x02d"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.rc.write_text("set -g status off\nset -g default-terminal tmux-256color\n")
        self.base = ("tmux", "-S", str(folder / "socket"), "-f", str(self.rc))

    def start(self) -> Terminal:
        return self._client(*self.base, "new-session", "-s", "board", f"sh {self.script}")

    def attach(self) -> Terminal:
        return self._client(*self.base, "attach")

    def modes(self) -> str:
        """Alternate screen, cursor, mouse, wrapping."""
        return self.asked(
            *self.base, "display-message", "-p", "#{alternate_on}#{cursor_flag}#{mouse_any_flag}#{wrap_flag}"
        ).strip()

    def kill(self) -> None:
        self.asked(*self.base, "kill-server")


class Screen(Multiplexer):
    name = "screen"
    detach = b"\x01d"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "screens").mkdir(mode=0o700)
        self.rc.write_text("startup_message off\naltscreen on\ndefutf8 on\nhardcopy_append off\n")
        self.base = ("screen", "-U", "-c", str(self.rc), "-S", "board")

    def start(self) -> Terminal:
        return self._client(*self.base, "sh", str(self.script))

    def attach(self) -> Terminal:
        return self._client("screen", "-U", "-c", str(self.rc), "-d", "-r", "board")

    def kill(self) -> None:
        self.asked("screen", "-S", "board", "-X", "quit")


KINDS = [
    pytest.param(kind, marks=pytest.mark.skipif(not shutil.which(kind.name), reason=f"{kind.name} is not installed"))
    for kind in (Tmux, Screen)
]


@pytest.fixture(params=KINDS, ids=["tmux", "screen"])
def inside(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Multiplexer]:
    made: Multiplexer = request.param(tmp_path)
    yield made
    made.kill()
    for client in made.clients:
        client.close()


def resize(terminal: Terminal, columns: int, lines: int) -> None:
    terminal.screen.resize(lines, columns)
    fcntl.ioctl(terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    os.kill(terminal.pid, signal.SIGWINCH)


@pytest.fixture(scope="module")
def pictures() -> Iterator[tuple[list[str], list[str]]]:
    """What a terminal of its own shows, at 120x36 and at 80x24."""
    terminal = Terminal("incident", "--still")
    try:
        large = pictured(terminal, "container 8b4f59aa")
        resize(terminal, 80, 24)
        yield large, pictured(terminal, "1✖Workers")
    finally:
        terminal.close()


def pictured(terminal: Terminal, text: str) -> list[str]:
    terminal.shows(text)
    terminal.rests()
    return body(terminal)


def body(terminal: Terminal) -> list[str]:
    """What is on the screen; an age stands on the first line."""
    return [line.rstrip() for line in terminal.screen.display[1:]]


def test_the_same_board_stands_inside_and_stays_when_one_detaches(
    inside: Multiplexer, pictures: tuple[list[str], list[str]]
) -> None:
    large, small = pictures
    client = inside.start()
    client.until(lambda: body(client) == large, "the picture")
    resize(client, 80, 24)
    client.until(lambda: body(client) == small, "the small picture")
    client.press(inside.detach)
    assert client.ended() == 0
    client = inside.attach()
    client.until(lambda: body(client) == large, "the picture again")
    client.press(b"q")
    client.shows("code=0")
    client.rests()
    assert not any("Workers" in line for line in client.screen.display)
    if isinstance(inside, Tmux):
        assert inside.modes() == "0101"
