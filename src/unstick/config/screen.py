"""``[screen]`` alone, for boards that ask no server: nothing else of the file is judged, no secret in it is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from unstick.config import rules, source
from unstick.config.problem import ConfigError, Problem
from unstick.config.rules import ScreenCheck
from unstick.config.tree import Entry, grow, merged
from unstick.config.walk import Reader
from unstick.settings import Context, Screen


def load_screen(path: Path | None, wanted: str | None, recorded: str, check: ScreenCheck) -> Screen | None:
    """What the configuration says of the screen; ``None`` where there is none, or it says nothing of it.

    The context is ``wanted``, else ``recorded`` if the file has it, else the file's default. Raises
    :class:`ConfigError` with everything that is wrong with it.
    """
    file = source.find(path)
    if file is None:
        return None
    text, _ = source.read(file)
    tree = grow(*source.parse(file, text), str(file))
    names = tuple(entry.table) if (entry := tree.table.get("context")) else ()
    if wanted is not None and wanted not in names:
        known = f"no such context (known: {', '.join(names) or 'none'})"
        raise ConfigError([Problem(tree.file, known, "", key=f"context.{wanted}")])
    default = tree.table.get("default_context")
    name = wanted or (recorded if recorded in names else str(default.value) if default else "")
    found = [one for one in (tree.table.get("screen"), tree.at("context", name, "screen")) if one is not None]
    if not found:
        return None
    return _judged(replace(tree, value={"screen": merged(found[0], found[-1])}), file.parent, check)


def _judged(tree: Entry, folder: Path, check: ScreenCheck) -> Screen:
    reader = Reader({}, folder)
    context = reader.table(Context, tree) or Context()
    rules.check(context, tree, reader, check)
    if reader.problems:
        raise ConfigError(sorted(dict.fromkeys(reader.problems), key=lambda problem: problem.line or 0))
    return context.screen
