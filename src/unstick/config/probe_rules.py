"""What a number of one's own must say: one question to one server, and of Redis only to read."""

from __future__ import annotations

from unstick.config.values import shown
from unstick.settings import PROBE_COMMANDS, Probe


def probe_problem(probe: Probe) -> tuple[str, str, str] | None:
    """The key that is wrong, what is wrong with it, and what mends it."""
    servers = [key for key in ("sql", "redis", "url") if getattr(probe, key)]
    asked = [key for key in ("json", "metric", "promql") if getattr(probe, key)]
    if len(servers) != 1:
        told = f"asks {' and '.join(servers)}" if servers else "asks nobody"
        return "name", told, "keep one of sql, redis and url"
    if len(asked) > (servers == ["url"]):
        return asked[0], f"asks for {' and '.join(asked)}", "with url, and only there, one of json, metric and promql"
    if probe.redis and probe.redis[0].upper() not in PROBE_COMMANDS:
        return "redis", f"{shown(probe.redis[0])} does not read one value", f"use {', '.join(sorted(PROBE_COMMANDS))}"
    if probe.warning is not None and probe.critical is not None:
        sign = -1 if probe.below else 1
        if sign * probe.critical < sign * probe.warning:
            what = f"critical {probe.critical:g} comes before warning {probe.warning:g}"
            return "critical", what, "a warning comes first"
    return None
