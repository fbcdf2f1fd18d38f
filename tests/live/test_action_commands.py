"""The commands that change something: exit codes, confirmation, and what goes to which stream."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lab.processes import free_port
from tests.lab.servers import Postgres as PostgresServer
from tests.live.acting import Shop, anew
from unstick.actions import evidence, watch
from unstick.cli.main import run

Said = tuple[int, str, str]


class Terminal(io.StringIO):
    """What somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def shop(standing_shop: str, postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    for module in (evidence, watch):
        monkeypatch.setattr(module, "LOOK_S", 0.05)
    return anew(postgres, standing_shop, tmp_path)


@pytest.fixture
def command(shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Runs ``unstick NAME``; the code, standard output and standard error."""

    def call(
        *arguments: str, typed: str | None = None, url: str = "", more: str = "", name: str = "free-proxies"
    ) -> Said:
        config = shop.folder / "unstick.toml"
        audit = f'audit = "{shop.folder}/audit.jsonl"\npanic_file = "{shop.folder}/panic"\n'
        config.write_text(
            f'config_version = 1\n{more}\n[postgres]\nurl = "{url or shop.url}"\n[crawler]\n[locks]\n[actions]\n{audit}'
        )
        config.chmod(0o600)
        monkeypatch.setattr(sys, "stdin", io.StringIO() if typed is None else Terminal(typed))
        code = run([name, "-c", str(config), *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_a_dry_run_changes_nothing(shop: Shop, command: Callable[..., Said]) -> None:
    assert command("--dry-run")[0] == 10
    shop.hold("gone_1", 1)
    shop.hold("here_1", 2)
    shop.work("here_1", 70)
    code, out, err = command("--dry-run")
    assert code == 0
    assert "would change 1 proxy:\n  proxy 1 of gone_1 would be freed\n" in out
    assert err == "unstick: looking again in 1s: 1 undecided\n"
    assert command("--dry-run", "--worker", "here_1")[0] == 12
    assert command("--dry-run", "--container", "here")[0] == 12
    assert command("--dry-run", "--container", "nobody")[0] == 10
    assert shop.held() == {"1", "2"}
    assert not (shop.folder / "audit.jsonl").exists()


def test_yes_does_it_and_standard_output_is_the_receipt(shop: Shop, command: Callable[..., Said]) -> None:
    shop.hold("8b4f59aa_1", 1)
    shop.hold("gone_1", 2)
    code, out, err = command("--container", "8b4f59aa", "--yes")
    assert code == 0
    assert out.splitlines()[:2] == ["applied: 1 proxy freed", "  ● proxy 1 of 8b4f59aa_1: freed"]
    assert "proxy 1 of 8b4f59aa_1 would be freed" in err
    assert shop.held() == {"2"}
    assert command("--container", "8b4f59aa", "--yes")[0] == 10


def test_json_has_plan_and_receipt(shop: Shop, command: Callable[..., Said]) -> None:
    shop.hold("gone_1", 1)
    code, out, _ = command("--dry-run", "--json")
    dry: dict[str, Any] = json.loads(out)
    assert (code, dry["schema"], dry["receipt"]) == (0, 1, None)
    assert [(t["kind"], t["id"], t["holder"]) for t in dry["plan"]["targets"]] == [("proxy", "1", "gone_1")]
    code, out, _ = command("--yes", "--json")
    wet: dict[str, Any] = json.loads(out)
    assert (code, wet["receipt"]["outcome"]) == (0, "applied")
    assert wet["receipt"]["results"] == [
        {"kind": "proxy", "place": "proxies", "id": "1", "holder": "gone_1", "state": "done", "text": "freed"}
    ]
    assert wet["receipt"]["plan_id"] == wet["plan"]["id"]


def test_without_a_terminal_somebody_must_have_said_yes(shop: Shop, command: Callable[..., Said]) -> None:
    shop.hold("gone_1", 1)
    code, out, err = command()
    assert (code, out) == (64, "")
    assert err == "unstick: nobody is there to confirm; mend: --dry-run to look, --yes to do it\n"
    assert command("--container", "a", "--worker", "b", "--yes")[0] == 64
    assert shop.held() == {"1"}


@pytest.mark.parametrize("typed", ["", "n\n", "\n"])
def test_enter_alone_is_no(shop: Shop, command: Callable[..., Said], typed: str) -> None:
    shop.hold("gone_1", 1)
    code, out, err = command(typed=typed)
    assert (code, out) == (12, "")
    assert "Change 1 proxy? [y/N]" in err
    assert err.endswith("unstick: not confirmed; nothing was changed\n")
    assert shop.held() == {"1"}


def test_y_is_yes(shop: Shop, command: Callable[..., Said]) -> None:
    shop.hold("gone_1", 1)
    assert command(typed="y\n")[0] == 0
    assert shop.held() == set()


def test_production_wants_the_count(shop: Shop, command: Callable[..., Said]) -> None:
    shop.hold("gone_1", 1, 2)
    production = "production = true"
    assert command(typed="y\n", more=production)[0] == 12
    assert command(typed="3\n", more=production)[0] == 12
    assert shop.held() == {"1", "2"}
    code, _, err = command(typed="2\n", more=production)
    assert "PRODUCTION" in err
    assert code == 0
    shop.sql("UPDATE proxies SET updated_at = updated_at - interval '1 day';")
    shop.hold("gone_1", 1)
    assert command("--yes", more=production)[0] == 0


def test_above_the_cap_yes_is_not_enough(shop: Shop, command: Callable[..., Said]) -> None:
    shop.hold("gone_1", *range(1, 27))
    code, out, _ = command("--yes")
    assert code == 12
    assert out.startswith("refused: it changes 26, more than the cap of 25: the count must be typed")
    assert command("--yes", "--count", "25")[0] == 12
    assert len(shop.held()) == 26
    assert command("--count", "26")[0] == 0


def test_what_can_not_be_reached_is_one_line(shop: Shop, command: Callable[..., Said]) -> None:
    code, out, err = command("--yes", url=f"postgresql://u:S3CR3T@127.0.0.1:{free_port()}/x")
    assert (code, out) == (69, "")
    assert "connection refused" in err
    assert len(err.splitlines()) == 1
    code, _, err = command("--dry-run", url=shop.url.replace("lab:lab-pg", "lab:S3CR3T"))
    assert code == 77
    assert "S3CR3T" not in err
    (shop.folder / "audit.jsonl").mkdir()
    assert command("--yes")[0] == 74


def test_drain_locks_speaks_the_same_way(shop: Shop, command: Callable[..., Said]) -> None:
    shop.sql(
        "INSERT INTO dashboard_tasklock (kind, task_id, worker_id, expires_at)"
        " VALUES ('upload', 7, 'w_1', now() - interval '1 hour'), ('upload', 8, 'w_2', now() + interval '1 hour');"
    )
    assert command("--force", name="drain-locks")[0] == 64
    code, out, _ = command("--dry-run", name="drain-locks")
    assert code == 0
    assert "would change 1 lock:\n  lock 1 of w_1 would be drained\n      upload 7; " in out
    assert command("--yes", name="drain-locks")[0] == 0
    assert command("--yes", name="drain-locks")[0] == 10
    assert command("--yes", "--worker", "w_2", name="drain-locks")[0] == 12
    assert command("--yes", "--worker", "w_2", "--force", name="drain-locks")[0] == 0
    assert shop.sql("SELECT count(*) FROM dashboard_tasklock;") == "0"
