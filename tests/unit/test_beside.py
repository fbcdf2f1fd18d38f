"""Dependencies and maintenance jobs: presets, rules of their configuration, and what is judged."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.unit.boards import T0, frame, fresh, played
from unstick.board.board import Board
from unstick.cli.discovery_here import maintenance_jobs
from unstick.cli.wiring import lane_specs
from unstick.config import ConfigError, load
from unstick.config.presets import DEPENDENCIES, MAINTENANCE, dependency, maintenance
from unstick.facts.dependency import DependencyFacts
from unstick.facts.frame import Fact
from unstick.facts.level import Level
from unstick.facts.maintenance import MaintenanceFacts, SeenFile
from unstick.facts.reading import TroubleKind
from unstick.settings import Context, Dependency, Maintenance

CONTEXT = Context(name="test")
UP = DependencyFacts("api", "http", "api:80", T0, 0.02, 200, True, None, None, None, (), 2.0, 14 * 86400.0, "do it")
JOB = MaintenanceFacts("b", "b/*", T0, 2, SeenFile("b/2", 1000, T0 - 600), SeenFile("b/1", 900, T0 - 87_000),
                       None, None, 10**9, 86400.0, True, 50.0)  # fmt: skip


def board(*facts: Fact) -> Board:
    return played([frame(T0 + n, fresh("x", fact, T0 + n)) for n, fact in enumerate(facts)], CONTEXT)


def told(*facts: Fact) -> list[tuple[Level, str]]:
    return [(finding.level, finding.title.removeprefix("x: ")) for finding in board(*facts).findings]


def settings(tmp_path: Path, text: str) -> Context:
    path = tmp_path / "unstick.toml"
    path.write_text("config_version = 1\n" + text)
    return load(path, None, {}).context


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, text)
    return [str(problem).partition("unstick.toml:")[2] for problem in caught.value.problems]


class TestPresets:
    def test_blanks_are_filled_and_what_is_said_stays(self) -> None:
        own = dependency(Dependency(preset="dolphin-anty", name="mine", timeout_s=1.0))
        assert (own.name, own.timeout_s, own.url, own.hint) == (
            *("mine", 1.0),
            *(DEPENDENCIES["dolphin-anty"].url, DEPENDENCIES["dolphin-anty"].hint),
        )
        job = maintenance(Maintenance(preset="metrics", folder="/srv", every_s=120.0))
        assert (job.files, job.every_s, job.folder, job.preset) == (("metrics/*",), 120.0, "/srv", "metrics")

    def test_the_five_jobs_have_names_of_their_own(self) -> None:
        assert len({preset.name for preset in MAINTENANCE.values()}) == 5
        assert [MAINTENANCE[name].every_s for name in ("locks", "health", "metrics", "rotate", "backup")] == [
            *(900, 300, 60, 86_400, 86_400)
        ]

    def test_scripts_tell_which_jobs_there_are(self, tmp_path: Path) -> None:
        (tmp_path / "cron_scripts").mkdir()
        for name in ("cleanup_locks.sh", "backup_database.sh", "other.sh"):
            (tmp_path / "cron_scripts" / name).touch()
        assert [job.preset for job in maintenance_jobs(tmp_path)] == ["locks", "backup"]
        assert maintenance_jobs(tmp_path / "cron_scripts") == ()


class TestConfiguration:
    def test_every_key(self, tmp_path: Path) -> None:
        context = settings(
            tmp_path,
            """
[[dependency]]
name = "storage"
url = "https://storage.example/health?full=1"
status = [200, 204]
timeout = "5s"
slow = "500ms"
tls_warning = "30d"
hint = "ask the storage team"
[[dependency]]
preset = "dolphin-anty"
[[dependency]]
url = "tcp://db.internal:5432"
[[maintenance]]
name = "dump"
files = ["/var/backups/*.dump"]
every = "12h"
backup = true
shrink_warning = 20
[[maintenance]]
preset = "locks"
folder = "/srv/app"
""",
        )
        assert [entry.known_as for entry in context.dependency] == ["storage", "dolphin-anty", "db.internal:5432"]
        assert [source.id for spec in lane_specs(context) for source in spec.sources][1:] == [
            *("dependency:storage", "dependency:Dolphin Anty", "dependency:db.internal:5432"),
            *("maintenance:dump", "maintenance:lock cleanup"),
        ]

    def test_what_says_nothing_or_the_same_twice(self, tmp_path: Path) -> None:
        found = problems(tmp_path, "[[dependency]]\nname = 'a'\n[[maintenance]]\nname = 'b'\nevery = '1m'\n")
        assert found == [
            "2: dependency[1]: says neither url nor preset; mend: add url = …",
            "4: maintenance[1]: says neither files nor preset; mend: add files = …",
        ]
        twice = "[[dependency]]\nurl = 'tcp://h:1'\n" * 2
        assert 'already "h:1"' in problems(tmp_path, twice)[0]
        assert "scheme ftp: cannot be used here" in problems(tmp_path, "[[dependency]]\nurl = 'ftp://h'\n")[0]


class TestDependency:
    def test_up_says_how_fast(self) -> None:
        (row,) = board(UP).subjects.services.items
        assert (row.note, row.level) == ("up, 20ms, status 200", Level.OK)

    def test_refused_is_certain_at_once_and_a_hiccup_is_not(self) -> None:
        down = replace(UP, expected=False, status=None, error="connection refused", trouble=TroubleKind.REFUSED)
        slow = replace(down, error="no complete answer within 3 s", trouble=TroubleKind.TIMEOUT)
        assert told(down) == [(Level.CRITICAL, "down: connection refused")]
        assert [level for level, _ in told(slow)] == [Level.WARNING]
        assert [level for level, _ in told(UP, slow, slow)] == [Level.CRITICAL]
        assert [level for level, _ in told(slow, UP)] == []
        assert board(down).findings[0].evidence[0].text == "api:80"
        assert board(down).findings[0].evidence[1].text == "do it"

    def test_a_wrong_status_is_told(self) -> None:
        assert told(replace(UP, expected=False, status=503)) == [(Level.WARNING, "down: answers 503")]

    @pytest.mark.parametrize(
        ("days", "level"), [(15, None), (13, Level.WARNING), (2, Level.CRITICAL), (-1, Level.CRITICAL)]
    )
    def test_certificates(self, days: float, level: Level | None) -> None:
        found = told(replace(UP, certificate_ends_at=T0 + days * 86400))
        assert [each for each, _ in found] == ([] if level is None else [level])


class TestMaintenance:
    def test_calm(self) -> None:
        (row,) = board(JOB).subjects.services.items
        assert row.note == "last effect 10m00s ago, every 1d00h, 1000B"

    @pytest.mark.parametrize(
        ("age_s", "level"),
        [(86_400 * 1.1, None), (86_400 * 1.1 + 61, Level.WARNING), (86_400 * 2.1 + 61, Level.CRITICAL)],
    )
    def test_late_and_later(self, age_s: float, level: Level | None) -> None:
        found = told(replace(JOB, newest=SeenFile("b/2", 1000, T0 - age_s)))
        assert [each for each, _ in found] == ([] if level is None else [level])

    def test_the_last_line_knows_better_than_the_file(self) -> None:
        stale = replace(JOB, newest=SeenFile("b/2", 1000, T0), line="…", line_at=T0 - 200_000)
        assert [level for level, _ in told(stale)] == [Level.CRITICAL]

    def test_a_job_that_only_logs_is_not_compared(self) -> None:
        shrunk = replace(JOB, newest=SeenFile("b/2", 1, T0 - 600), free_bytes=0)
        assert [title.partition(":")[0] for _, title in told(shrunk)] == [
            *("no room for the next backup", "the newest backup has 1B, the one before 900B"),
        ]
        assert told(replace(shrunk, backup=False)) == []
