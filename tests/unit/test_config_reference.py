"""The page that describes the configuration says what the settings say."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from unstick import settings
from unstick.config import load
from unstick.config.reference import BEGIN, END, inserted, main, reference
from unstick.config.schema import about, inner_table, keys

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def tables() -> list[type[msgspec.Struct]]:
    found: list[type[msgspec.Struct]] = [settings.Context]
    for table in found:
        found += [inner for key in keys(table).values() if (inner := inner_table(key)) is not None]
    return found


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    mend = "run: python -m unstick.config.reference docs/configuration.md"
    assert inserted(page) == page, mend


def test_every_key_is_described() -> None:
    silent = [
        f"{table.__name__}.{key.field}"
        for table in tables()
        for key in keys(table).values()
        if inner_table(key) is None and not about(table, key.field)
    ]
    assert silent == []
    assert all(about(table) for table in tables())


def test_every_key_stands_in_the_reference() -> None:
    text = reference()
    for table in tables():
        for key in keys(table).values():
            if inner_table(key) is None or table is not settings.Context:
                assert f"| `{key.name}` |" in text


def test_examples_of_the_page_load(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        assert tomllib.loads(block)
        file = tmp_path / "unstick.toml"
        file.write_text(block)
        loaded = load(file, None, {"STAGING_DATABASE_URL": "postgresql://h/x"})
        assert loaded.contexts == ("staging", "prod")


def test_a_page_is_rewritten_between_its_markers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}outdated\n{END}after\n")
    main([str(page)])
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "outdated" not in text
    main([])
    assert capsys.readouterr().out in text
    with pytest.raises(ValueError, match="no markers"):
        inserted("nothing")
