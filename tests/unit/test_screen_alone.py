"""Of a configuration only the screen's part counts where no server is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from unstick.cli.replay import ScreenChoice, board_options
from unstick.config.problem import ConfigError
from unstick.config.screen import load_screen
from unstick.settings import Context, Screen
from unstick.tui.own import check_screen

SERVERS = '[postgres]\nurl = "${NOBODY_SET_THIS}"\npasword_file = "/nowhere"\n[crawler]\ntasks = []\n'
"""What a live board would refuse."""


def written(folder: Path, text: str) -> Path:
    path = folder / "unstick.toml"
    path.write_text(text)
    return path


def chosen(**given: object) -> ScreenChoice:
    none = {
        "path": None,
        "context": None,
        "theme": None,
        "no_mouse": None,
        "fps": None,
        "low_bandwidth": None,
        "wall": False,
    }
    return {**none, **given}  # type: ignore[typeddict-item]


def test_looks_are_taken_and_servers_left_alone(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        SERVERS + '[screen]\ntheme = "harbor"\nmouse = false\n[screen.keys]\nfilter = "f9"\n'
        '[[screen.presets]]\nname = "night"\nrows = ["workers", "locks"]\n',
    )
    options = board_options(Context(name="prod", production=True), chosen(path=path))
    assert not isinstance(options, int)
    assert (options.context, options.production, options.theme, options.mouse) == ("prod", True, "harbor", False)
    assert options.keys == {"filter": "f9"}
    assert [preset.name for preset in options.presets] == ["night"]
    worn = board_options(Context(), chosen(path=path, theme="paper"))
    assert not isinstance(worn, int)
    assert worn.theme == "paper"


def test_without_a_word_of_the_screen_the_recorded_looks_stay(tmp_path: Path) -> None:
    path = written(tmp_path, SERVERS)
    assert load_screen(path, None, "prod", check_screen) is None
    options = board_options(Context(screen=Screen(theme="ember")), chosen(path=path))
    assert not isinstance(options, int)
    assert options.theme == "ember"


@pytest.mark.parametrize(
    ("wanted", "recorded", "theme"),
    [(None, "prod", "contrast"), (None, "lab", "safe"), ("stage", "prod", "safe"), ("prod", "lab", "contrast")],
)
def test_a_context_has_looks_of_its_own(tmp_path: Path, wanted: str | None, recorded: str, theme: str) -> None:
    path = written(tmp_path, '[screen]\ntheme = "safe"\n[context.prod.screen]\ntheme = "contrast"\n[context.stage]\n')
    screen = load_screen(path, wanted, recorded, check_screen)
    assert screen is not None
    assert screen.theme == theme


def test_what_is_wrong_with_the_screen_is_said_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, SERVERS + '[screen]\nthem = "x"\n[screen.keys]\nfilter = "q"\n')
    assert board_options(Context(), chosen(path=path)) == 78
    said = capsys.readouterr().err.splitlines()
    assert [line.split(":")[2] for line in said] == ["7", "9"]
    assert "theme" in said[0]
    with pytest.raises(ConfigError, match="no such context"):
        load_screen(path, "nowhere", "lab", check_screen)
