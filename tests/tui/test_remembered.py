"""What is shown before anything is loaded: only what a start like this one drew, and nobody else wrote."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from unstick.tui import remembered

SIZE = (80, 24)


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    return {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "TERM": "xterm",
        "HOME": "/",
    }


def files(environ: dict[str, str]) -> list[Path]:
    return [path for path in Path(environ["XDG_CACHE_HOME"]).rglob("*") if path.is_file()]


def test_the_same_start_gets_its_picture_again(environ: dict[str, str]) -> None:
    key = remembered.key(["live"], SIZE, environ)
    assert remembered.recall(key, environ) == b""
    remembered.keep(key, b"picture\nof two lines", environ)
    assert remembered.recall(remembered.key(["live"], SIZE, environ), environ) == b"picture\nof two lines"
    (file,) = files(environ)
    assert file.stat().st_mode & 0o777 == 0o600


def write(path: str) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        (folder / path).parent.mkdir(exist_ok=True, parents=True)
        (folder / path).write_text("[screen]")

    return act


@pytest.mark.parametrize(
    ("arguments", "size", "more", "act"),
    [
        (["live", "--theme", "paper"], SIZE, {}, None),
        (["live", "-c", "named.toml"], (81, 24), {}, None),
        (["live", "-c", "named.toml"], SIZE, {"COLORTERM": "truecolor"}, None),
        (["live", "-c", "named.toml"], SIZE, {"NO_COLOR": "1"}, None),
        (["live", "-c", "named.toml"], SIZE, {}, write("named.toml")),
        (["live", "-c", "named.toml"], SIZE, {}, write("unstick.toml")),
        (["live", "-c", "named.toml"], SIZE, {}, write("config/unstick/unstick.toml")),
        (["live", "-c", "named.toml"], SIZE, {}, lambda _: os.chdir("/")),
    ],
)
def test_another_start_gets_none(
    environ: dict[str, str],
    tmp_path: Path,
    arguments: list[str],
    size: tuple[int, int],
    more: dict[str, str],
    act: Callable[[Path], None] | None,
) -> None:
    remembered.keep(remembered.key(["live", "-c", "named.toml"], SIZE, environ), b"picture", environ)
    if act is not None:
        act(tmp_path)
    assert remembered.recall(remembered.key(arguments, size, environ | more), environ) == b""


@pytest.mark.parametrize("form", ["-cnamed.toml", "--config=named.toml"])
def test_a_changed_file_is_noticed_however_it_is_named(environ: dict[str, str], tmp_path: Path, form: str) -> None:
    write("named.toml")(tmp_path)
    before = remembered.key([form], SIZE, environ)
    assert remembered.key([form], SIZE, environ) == before
    (tmp_path / "named.toml").write_text("[screen]\nmouse = false\n")
    assert remembered.key([form], SIZE, environ) != before


def test_what_others_could_have_written_is_not_believed(environ: dict[str, str]) -> None:
    key = remembered.key(["live"], SIZE, environ)
    remembered.keep(key, b"picture", environ)
    (file,) = files(environ)
    file.chmod(0o620)
    assert remembered.recall(key, environ) == b""
    file.chmod(0o600)
    assert remembered.recall(key, environ) == b"picture"
    elsewhere = file.with_name("elsewhere")
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    assert remembered.recall(key, environ) == b""


def test_a_file_of_another_key_is_no_picture(environ: dict[str, str]) -> None:
    key = remembered.key(["live"], SIZE, environ)
    remembered.keep(key, b"picture", environ)
    (file,) = files(environ)
    file.write_bytes(b"something else\npicture")
    assert remembered.recall(key, environ) == b""


def test_only_so_many_are_kept(environ: dict[str, str]) -> None:
    for width in range(50):
        remembered.keep(remembered.key([], (width, 24), environ), b"picture", environ)
    assert len(files(environ)) == 32
    assert remembered.recall(remembered.key([], (49, 24), environ), environ) == b"picture"


def test_where_nothing_can_be_written_nothing_is_kept(environ: dict[str, str]) -> None:
    environ |= {"XDG_CACHE_HOME": "/dev/null"}
    key = remembered.key([], SIZE, environ)
    remembered.keep(key, b"picture", environ)
    assert remembered.recall(key, environ) == b""
