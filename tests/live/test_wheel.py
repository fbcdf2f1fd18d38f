"""What users install: the wheel, in an environment of its own, away from this tree."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path, code: int = 0) -> str:
    environ = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "UNSTICK", "XDG")) and "_URL" not in k
    }
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=cwd, env=environ | {"HOME": str(cwd)}, timeout=120
    )
    assert done.returncode == code, f"{done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel; its dependencies are borrowed from this one."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=False, symlinks=True)
    python = folder / "env/bin/python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "env/bin"


def test_it_answers_from_anywhere(installed: Path, tmp_path: Path) -> None:
    assert run(installed / "unstick", "--version", cwd=tmp_path).startswith("unstick ")
    assert "status" in run(installed / "unstick", "--help", cwd=tmp_path)
    where = run(installed / "python", "-c", "import unstick; print(unstick.__file__)", cwd=tmp_path)
    assert str(installed.parent) in where


def test_status_of_a_server_that_is_down(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "unstick.toml").write_text('[redis]\nurl = "redis://127.0.0.1:1/0"\n[[dramatiq]]\n')
    told = run(installed / "unstick", "status", cwd=tmp_path, code=2)
    assert told.startswith("UNSTICK CRITICAL - default: cannot tell: dramatiq")


def test_it_brings_its_themes_statements_and_world(installed: Path, tmp_path: Path) -> None:
    code = (
        "from importlib.resources import files\n"
        "shipped = files('unstick') / 'shipped'\n"
        "print(*sorted(f.name for f in (shipped / 'themes').iterdir()))\n"
        "print((shipped / 'demo_data' / 'schema.sql').is_file(), (shipped / 'snapshots').is_dir())\n"
        "from unstick.tui import themes\n"
        "print(*(themes.load(name).title for name in themes.SHIPPED))\n"
        "print((files('unstick') / 'sql' / 'candidates.sql').is_file(), (files('unstick') / 'py.typed').is_file())\n"
    )
    lines = run(installed / "python", "-c", code, cwd=tmp_path).splitlines()
    assert "midnight.toml" in lines[0]
    assert lines[1] == "True True"
    assert len(lines[2].split()) >= 6
    assert lines[3] == "True True"
