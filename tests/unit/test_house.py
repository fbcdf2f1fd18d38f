"""The house holds: what a command imports is proved in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DRIVERS = ("asyncpg", "redis", "aio_pika", "httpx", "psutil")
SHOW = "\nimport sys\nprint('LOADED', *sorted(name for name in sys.modules if '.' not in name))"


def loaded(code: str, **environment: str) -> set[str]:
    """The top-level modules that ``code`` leaves loaded."""
    names = {"DATABASE_URL", "REDIS_URL", "RABBITMQ_URL", "RABBITMQ_MANAGEMENT_URL", "CELERY_BROKER_URL"}
    environ = {k: v for k, v in os.environ.items() if k not in names} | environment
    environ["PYTHONPATH"] = str(ROOT / "src")
    result = subprocess.run(
        [sys.executable, "-c", code + SHOW],
        capture_output=True,
        text=True,
        check=False,
        env=environ,
        timeout=60,
        cwd="/",
    )
    line = next((line for line in result.stdout.splitlines() if line.startswith("LOADED")), None)
    assert line is not None, result.stderr
    return set(line.split()[1:])


@pytest.mark.parametrize(
    "arguments", [["--help"], ["status", "--help"], ["watch", "--help"], ["live", "--help"], ["--version"]]
)
def test_help_imports_neither_textual_nor_a_driver(arguments: list[str]) -> None:
    modules = loaded(f"from unstick.cli.main import run\nrun({arguments!r})")
    assert not modules & {"textual", "rich", *DRIVERS}


def test_status_imports_only_the_drivers_of_what_is_configured(tmp_path: Path) -> None:
    config = tmp_path / "unstick.toml"
    config.write_text('config_version = 1\n[redis]\nurl = "redis://127.0.0.1:1"\n[[dramatiq]]\nname = "dramatiq"\n')
    config.chmod(0o600)
    modules = loaded(f"from unstick.cli.main import run\nrun(['status', '-c', {str(config)!r}])")
    assert {"redis", "psutil"} <= modules
    assert not modules & {"textual", "asyncpg", "aio_pika", "httpx"}


@pytest.mark.parametrize("command", ["status", "watch", "doctor", "demo"])
def test_who_only_looks_imports_no_action(command: str, tmp_path: Path) -> None:
    """Neither the wiring of actions nor the doors that write are even there."""
    config = tmp_path / "unstick.toml"
    urls = (
        '[postgres]\nurl = "postgresql://u@127.0.0.1:1/x"\n[crawler]\n[locks]\n[sync]\nurl = "http://127.0.0.1:1"\n'
    )
    config.write_text(f"config_version = 1\n{urls}")
    config.chmod(0o600)
    once = "import unstick.cli.watch\nasync def nothing(*_, **__): return 0\nunstick.cli.watch._print = nothing\n"
    arguments = ["demo", "--list"] if command == "demo" else [command, "-c", str(config)]
    code = f"{once}from unstick.cli.main import run\nrun({arguments!r})\nimport sys\n"
    code += (
        "print(*sorted(m for m in sys.modules if 'unstick.actions' in m or m.endswith('_writes')), file=sys.stderr)"
    )
    environ = os.environ | {"PYTHONPATH": str(ROOT / "src"), "HOME": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environ, timeout=60
    )
    assert result.stderr.splitlines()[-1] == "", result.stderr


def test_whoever_plays_a_recording_cannot_even_load_an_action() -> None:
    """The live board itself loads them only when it is armed and asked."""
    rooms = (
        "cli.replay, unstick.cli.demo, unstick.cli.live, unstick.cli.live_session, unstick.tui.app, unstick.tui.run"
    )
    code = f"import unstick.{rooms}, sys\nfound = [m for m in sys.modules if m.startswith('unstick.actions')]\n"
    assert "found" not in loaded(code + "sys.modules |= dict.fromkeys(['found'] if found else [])")


def test_the_story_of_the_board_needs_no_textual() -> None:
    modules = loaded("import unstick.views.tell, unstick.board.board, unstick.feeds.live, unstick.cli.wiring")
    assert not modules & {"textual", "rich", *DRIVERS}


def test_the_import_contract_holds() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([lint], capture_output=True, text=True, check=False, cwd=ROOT, timeout=120)
    assert result.returncode == 0, result.stdout[-3000:]


def test_no_clock_and_no_chance_in_the_pure_rooms() -> None:
    banned = re.compile(r"^\s*(import|from) (time|random)\b|os\.environ|datetime\.now|unstick\.clock", re.MULTILINE)
    for room in ("facts", "board", "views"):
        for file in (ROOT / "src/unstick" / room).rglob("*.py"):
            text = file.read_text()
            assert not banned.search(text), file
