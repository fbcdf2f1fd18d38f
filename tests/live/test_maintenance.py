"""Maintenance jobs: their files come, grow old, shrink, are missing, may not be read, or are somewhere that hangs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.stack import Watch
from tests.live.systems import finding, judged, numbers, row, seen, title, watching_only
from unstick import clock
from unstick.facts.level import Level
from unstick.settings import Context, Maintenance

pytestmark = pytest.mark.usefixtures("hasty")
NOBODY = 65_534


def write(path: Path, content: bytes = b"x" * 1000, age_s: float = 0.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (clock.now() - age_s,) * 2)


def five(folder: Path) -> Context:
    """The presets of all five cron jobs."""
    names = ("locks", "health", "metrics", "rotate", "backup")
    return watching_only(maintenance=tuple(Maintenance(preset=name, folder=str(folder)) for name in names))  # type: ignore[arg-type]


def test_the_five_jobs_while_they_run_and_when_they_fall_silent(tmp_path: Path) -> None:
    stamp = subprocess.run(["date"], capture_output=True, check=True).stdout
    write(tmp_path / "logs/lock_cleanup.log", b"old\n" + stamp.strip() + b": Lock cleanup completed\n\n")
    write(tmp_path / "logs/health_check.log", stamp)
    write(tmp_path / "logs/web.log.1", age_s=7200)
    write(tmp_path / "metrics/metrics_1.json")
    write(tmp_path / "backups/a.sql.gz", age_s=90_000)
    write(tmp_path / "backups/b.sql.gz", age_s=3_600)

    async def run() -> None:
        async with Watch(five(tmp_path)) as watch:
            names = ("lock cleanup", "health check", "metrics", "log rotation", "database backup")
            rows = [f"maintenance:{name}" for name in names]
            await seen(lambda: all(row(watch, name) for name in rows), "five rows")
            assert [finding.title for finding in watch.board.findings] == []  # type: ignore[union-attr]
            assert numbers(watch, rows[0])["age_seconds"] == pytest.approx(0, abs=30)
            assert dict(judged(watch, rows[0]).told)["last line"].endswith(": Lock cleanup completed")
            assert "every 15m00s" in judged(watch, rows[0]).says
            for name in ("lock_cleanup.log", "health_check.log"):
                write(tmp_path / "logs" / name, b"2025-01-01 00:00:00 done\n")
            write(tmp_path / "metrics/metrics_1.json", age_s=130)
            write(tmp_path / "logs/web.log.1", age_s=27 * 3600)
            (tmp_path / "backups/b.sql.gz").unlink()
            await seen(lambda: all(finding(watch, f"{name}:silent") for name in rows[:4]), "silence")
            levels = [finding(watch, f"{name}:silent").level for name in rows[:4]]  # type: ignore[union-attr]
            assert levels == [Level.CRITICAL, Level.CRITICAL, Level.WARNING, Level.WARNING]
            assert title(watch, f"{rows[2]}:silent") == "maintenance:metrics: silent for 2m10s, due every 1m00s"
            assert numbers(watch, rows[4])["age_seconds"] == pytest.approx(90_000, abs=30)

    asyncio.run(run())


def test_a_backup_that_is_missing_empty_or_small(tmp_path: Path) -> None:
    name = "maintenance:database backup"

    async def run() -> None:
        async with Watch(five(tmp_path)) as watch:
            await seen(lambda: finding(watch, f"{name}:silent") is not None, "nothing")
            assert title(watch, f"{name}:silent") == f"{name}: left nothing: no file is backups/*"
            write(tmp_path / "backups/1.sql", b"x" * 10_000, age_s=90_000)
            write(tmp_path / "backups/2.sql", b"x" * 4_000, age_s=10)
            await seen(lambda: finding(watch, f"{name}:silent") is None, "a backup")
            assert finding(watch, f"{name}:shrunk") is None, "it may still be written"
            write(tmp_path / "backups/2.sql", b"x" * 4_000, age_s=600)
            await seen(lambda: finding(watch, f"{name}:shrunk") is not None, "small")
            assert "the newest backup has 3.9K, the one before 9.8K" in title(watch, f"{name}:shrunk")
            write(tmp_path / "backups/3.sql", b"", age_s=500)
            await seen(lambda: "is empty" in title(watch, f"{name}:shrunk"), "empty")
            free = numbers(watch, name)["free_bytes"]
            assert free is not None
            with (tmp_path / "backups/4.sql").open("wb") as sparse:
                sparse.truncate(int(free * 1.5))
            await seen(lambda: finding(watch, f"{name}:room") is not None, "no room")
            assert title(watch, f"{name}:room").startswith(f"{name}: no room for the next backup: ")

    asyncio.run(run())


def test_a_pipe_and_a_name_without_letters_hurt_nobody(tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    os.mkfifo(tmp_path / "backups/pipe.sql")
    write(Path(os.fsdecode(bytes(tmp_path) + b"/backups/\xff\x1b[31m.sql")), age_s=600)
    entry = Maintenance(name="b", folder=str(tmp_path), files=("back*/*.sql",), backup=True, last_line=True)

    async def run() -> None:
        async with Watch(watching_only(maintenance=(entry,))) as watch:
            await seen(lambda: row(watch, "maintenance:b") is not None, "a row")
            assert numbers(watch, "maintenance:b")["files"] == 1
            told = dict(judged(watch, "maintenance:b").told)
            assert "^[[31m.sql" in told["newest"]

    asyncio.run(run())


def test_a_folder_that_leads_nowhere_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "backups").symlink_to(tmp_path / "backups")

    async def run() -> None:
        async with Watch(five(tmp_path)) as watch:
            await seen(lambda: "symbolic links" in title(watch, "unseen:files"), "no way")
            assert finding(watch, "maintenance:database backup:silent") is None
            assert finding(watch, "maintenance:metrics:silent") is not None

    asyncio.run(run())


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A folder that anybody may pass: those of pytest belong to one user alone."""
    folder = Path(tempfile.mkdtemp(prefix="unstick-jobs-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """The rights of an ordinary user: root may read everything."""
    if root := os.geteuid() == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_folder_that_may_not_be_read_is_unknown(open_dir: Path) -> None:
    write(open_dir / "backups/1.sql")

    async def run() -> None:
        async with Watch(five(open_dir)) as watch:
            await seen(lambda: row(watch, "maintenance:database backup") is not None, "a backup")
            (open_dir / "backups").chmod(0)
            with nobody():
                await seen(lambda: "permission denied" in title(watch, "unseen:files"), "no right")
                assert finding(watch, "maintenance:database backup:silent") is None
                assert finding(watch, "maintenance:metrics:silent") is not None
            (open_dir / "backups").chmod(0o755)

    asyncio.run(run())
