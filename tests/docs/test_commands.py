"""Every command in the documentation is one that there is, with options that it has; those on tapes are run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.docs.pages import ROOT
from tests.docs.stage import TAPES
from unstick.board.rules import RULES
from unstick.cli.main import run, unstick
from unstick.tape.reader import Tape

PAGES = ("README.md", "CONTRIBUTING.md", *(str(page.relative_to(ROOT)) for page in sorted(ROOT.glob("docs/**/*.md"))))
_SPAN = re.compile(r"`(unstick(?: [^`]*)?)`")
_LINE = re.compile(r"^(?:\$ )?(unstick(?: .*)?)$")
_NOTE = re.compile(r"\s{2,}\S.*$|\s+#.*$")
"""What stands behind a command in a block."""


def written(page: str) -> Iterator[str]:
    """Every command line of ``page``, in blocks and in sentences."""
    block = False
    for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            block = not block
        elif block:
            found = _LINE.match(line)
            if found:
                yield _NOTE.sub("", found[1])
        else:
            yield from (match.replace("\\|", "|") for match in _SPAN.findall(line))


COMMANDS = sorted({(page, line) for page in PAGES for line in written(page)})


def words_of(line: str) -> list[str]:
    """The words of a line; what is optional stands in brackets, what is cut in dots."""
    plain = re.sub(r"[\[\]]", " ", line).replace("…", " ").replace("|", " | ")
    words = shlex.split(plain)[1:]
    return words[: words.index("|")] if "|" in words else words


def test_the_documentation_has_commands() -> None:
    assert len({page for page, _ in COMMANDS}) >= 8
    assert len(COMMANDS) > 60


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=lambda text: text.replace("/", "_"))
def test_a_command_of_the_documentation_exists_with_its_options(page: str, line: str) -> None:
    words = words_of(line)
    context = click.Context(unstick)
    _, rest, _ = unstick.make_parser(context).parse_args(words)
    if not rest or (rest[0].isupper() and len(rest) == 1):
        return
    command = unstick.get_command(context, rest[0])
    assert command is not None, f"{page}: there is no command {rest[0]}"
    inner = click.Context(command)
    command.make_parser(inner).parse_args(rest[1:])
    if rest[0] == "demo":
        assert set(rest[1:]) <= {*(path.stem for path in TAPES.glob("*.tape")), "NAME", "--list"}
    if rest[0] == "explain" and rest[1:] and not rest[1].isupper():
        assert rest[1] in {rule.name for rule in RULES}, page


def test_what_the_documentation_does_with_tapes_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tape = str(ROOT / "snapshots" / "stuck-proxies.tape")
    out = str(tmp_path / "part.tape")
    assert run(["verify", tape]) == 0
    assert run(["clip", tape, out, "--from", "+60s", "--to", "+90s"]) == 0
    assert run(["explain", "proxies-held-by-dead", "--tape", tape, "--at", "+200s"]) == 0
    assert "8b4f59aa" in capsys.readouterr().out
    with Tape.open(Path(out)) as part:
        assert len(part) > 20


def test_every_picture_and_every_page_that_is_linked_is_there() -> None:
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)|(?:src|srcset|href)=\"([^\"]+)\"", text):
            target = link[0] or link[1]
            if not target.startswith(("http:", "https:")):
                assert ((ROOT / page).parent / target).exists(), f"{page}: {target}"
