"""The wheel that users install: built from this tree, installed elsewhere, run from a third place."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.processes import clean_env
from tests.tui.terminals import Terminal
from unstick import __version__

CHECKOUT = Path(__file__).resolve().parents[2]
SHIPPED = ("themes", "snapshots", "demo_data")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # Without isolation nothing is downloaded; it needs the build backend here.
    here = ["--no-isolation"] if importlib.util.find_spec("hatchling") else []
    command = [sys.executable, "-m", "build", "--wheel", *here, "--outdir", str(folder), str(CHECKOUT)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def place(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment that has the wheel; what it depends on is lent."""
    folder = tmp_path_factory.mktemp("env")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    python = folder / "bin" / "python"
    install: list[str | Path] = [
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-compile",
        wheel,
    ]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True, capture_output=True, timeout=60)
    (own,) = folder.glob("lib/python*/site-packages")
    (own / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


@pytest.fixture(scope="module")
def installed(
    place: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program of that environment in an empty folder."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def run(program: str, *args: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [place / "bin" / program, *args],
            capture_output=True,
            text=True,
            cwd=elsewhere,
            env=clean_env(PYTHONPATH="", HOME=str(elsewhere), XDG_STATE_HOME=str(elsewhere / "state")),
            timeout=60,
            check=False,
        )

    return run


def kept(folder: Path) -> set[str]:
    """The files below ``folder`` that are sources, by their paths in it."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path) for path in files if not any(part == "__pycache__" or part[0] == "." for part in path.parts)}


def test_the_wheel_holds_the_package_and_what_it_ships_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {f"unstick/{name}" for name in kept(CHECKOUT / "src" / "unstick")}
    for folder in SHIPPED:
        wanted |= {f"unstick/shipped/{folder}/{name}" for name in kept(CHECKOUT / folder)}
    assert names == wanted


def test_the_installed_program_is_the_one_of_the_wheel(
    installed: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    found = installed("python", "-c", "import unstick; print(unstick.__file__)")
    assert found.returncode == 0, found.stderr
    assert not Path(found.stdout.strip()).is_relative_to(CHECKOUT)
    version = installed("unstick", "--version")
    assert (version.returncode, version.stdout.strip()) == (0, f"unstick {__version__}")
    told = installed("unstick", "--help")
    assert told.returncode == 0
    assert {"live", "status", "watch"} <= set(told.stdout.split())


def test_themes_and_recordings_are_found_where_they_were_installed(
    installed: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    code = """
import json
from importlib.resources import files
from unstick.tui import themes
shipped = files("unstick").joinpath("shipped")
names = {folder: sorted(entry.name for entry in shipped.joinpath(folder).iterdir()) for folder in ("themes", "snapshots")}
print(json.dumps([names, [themes.load(name).name for name in themes.SHIPPED], list(themes.SHIPPED)]))
"""
    found = installed("python", "-c", code)
    assert found.returncode == 0, found.stderr
    names, loaded, shipped = json.loads(found.stdout)
    assert names == {folder: sorted(kept(CHECKOUT / folder)) for folder in names}
    assert loaded == shipped


def test_status_tells_of_a_real_server(
    installed: Callable[..., subprocess.CompletedProcess[str]], redis_url: str, tmp_path: Path
) -> None:
    config = tmp_path / "unstick.toml"
    config.write_text(f'[redis]\nurl = "{redis_url}"\n[[celery]]\nqueues = ["celery"]\n[host]\nenabled = false\n')
    found = installed("unstick", "status", "-c", config, "--json")
    assert found.returncode == 0, found.stderr
    told = json.loads(found.stdout)
    assert (told["schema"], told["sources"]["redis"]["state"]) == (1, "fresh")
    assert [(queue["name"], queue["ready"]) for queue in told["queues"]["items"]] == [("celery", 0)]


def test_the_demo_plays_where_it_was_installed_without_any_network(place: Path, tmp_path: Path) -> None:
    alone = ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        alone = []  # a kernel that lends no namespaces; that no socket is opened is tested elsewhere
    program = str(place / "bin" / "unstick")
    terminal = Terminal(command=(*alone, program, "demo"), env={"HOME": str(tmp_path), "PYTHONPATH": ""})
    try:
        terminal.shows("What to see")
        terminal.press(b"\r")
        terminal.shows("REPLAY")
        terminal.shows("crawler")
        terminal.press(b"q")
        assert terminal.ended() == 0
        terminal.assert_restored()
    finally:
        terminal.close()
