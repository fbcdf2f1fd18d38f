"""``unstick explain``: every rule, its thresholds with their source, and the evidence at a moment of a tape."""

from __future__ import annotations

from pathlib import Path

import pytest

from unstick.board.rules import RULES
from unstick.cli.demo import shelf
from unstick.cli.main import run

TAPE = str(shelf() / "stuck-proxies.tape")


def test_without_a_name_it_lists_the_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [rule.name for rule in RULES]


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_every_rule_is_told_with_its_thresholds(
    rule: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "unstick.toml"
    config.write_text('[thresholds]\ngrace = "3m"\n[host]\ncpu_warning = 50.0\n')
    config.chmod(0o600)
    assert run(["explain", "-c", str(config), rule]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{rule} (")
    expected = next(each.thresholds for each in RULES if each.name == rule)
    assert all(f"threshold   {name} = " in out for name in expected)
    if rule == "proxies-held-by-dead":
        assert f'threshold   thresholds.grace = "3m" ({config})' in out
    if rule == "locks":
        assert 'threshold   thresholds.lock_grace = "30s" (default)' in out


def test_a_finding_is_told_with_what_it_rested_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "proxies-held-by-dead:8b4f59aa", "--tape", TAPE, "--at", "+150s"]) == 0
    out = capsys.readouterr().out
    assert "✖ container 8b4f59aa is gone and still holds 15 proxies, 3 locks" in out
    assert "container 8b4f59aa gives no sign of life  (crawler, " in out
    assert "mended by   unstick free-proxies" in out


def test_a_rule_that_sees_nothing_says_so_and_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "channel-leak", "--tape", TAPE, "--at", "+150s"]) == 0
    assert "not found" in capsys.readouterr().out
    assert run(["explain", "no-such-thing", "--tape", TAPE]) == 64
    assert capsys.readouterr().err.count("\n") == 1
