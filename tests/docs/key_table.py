"""The table of docs/keys.md, from the one registry."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.tui.keys import GROUPS, REGISTRY, Key, label


def keys() -> str:
    """A table for every group: keys, what they do, and the name to give them others by."""
    return "\n".join(line for group in GROUPS for line in _group(group))


def _group(group: str) -> Iterator[str]:
    yield f"### {group}\n"
    yield "| key | does | name |"
    yield "|---|---|---|"
    for key in REGISTRY:
        if key.group == group:
            yield f"| {_told(key)} | {key.help} | `{key.id}` |"
    yield ""


def _told(key: Key) -> str:
    return " ".join(f"`{label(name)}`" for name in key.keys)
