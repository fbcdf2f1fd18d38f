"""The lanes of what stands beside the brokers: automation workers, dependencies, maintenance jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from unstick.cli.lanes import Question, http_lane, poller, source_of
from unstick.config.presets import dependency, maintenance
from unstick.feeds.live import LaneSpec
from unstick.pollers.base import Lane
from unstick.secret import Url
from unstick.settings import Context, Dependency, Locks, Probe

GRACE_S = 1.0
"""What a lane waits longer than its question."""


def dependency_lanes(context: Context) -> Iterator[LaneSpec]:
    """One lane per dependency: one that hangs delays no other."""
    for entry in map(dependency, context.dependency):
        if entry.url is not None:
            source = source_of(
                f"dependency:{entry.known_as}", "dependency", "http", lambda i: i.dependencies_s, context
            )
            yield _dependency(entry, entry.url, (source, poller("dependency", "DependencyPoller", entry)))


def _dependency(entry: Dependency, url: Url, question: Question) -> LaneSpec:
    source, make = question
    deadline_s = entry.timeout_s + GRACE_S
    if url.scheme in {"http", "https"}:
        return http_lane(root(url), [question], deadline_s=deadline_s, total_s=entry.timeout_s)

    def build() -> Lane[Any]:
        from unstick.backends.dial import DialConnection  # noqa: PLC0415

        return Lane(DialConnection(total_s=entry.timeout_s), [make(source)], deadline_s=deadline_s)

    return LaneSpec((source,), build)


def root(url: Url) -> Url:
    """The server of a URL, with its credentials, without path and query."""
    return Url(urlsplit(url.reveal())._replace(path="", query="", fragment="").geturl())


def automation_lanes(context: Context) -> Iterator[LaneSpec]:
    """One lane per worker; its locks are read on the same connection, unless ``locks.urls`` names it already."""
    listed = set(context.locks.urls) if context.locks else set()
    for entry in context.automation:
        for number, url in enumerate(ports(entry.url, entry.workers), 1):
            name = entry.name.replace("{n}", str(number)) or url.address
            source = source_of(f"automation:{name}", "automation", "http", lambda i: i.automation_s, context)
            questions = [(source, poller("automation", "AutomationPoller", entry, name, url.address))]
            if entry.locks and url not in listed:
                options = Locks(path=f"{entry.prefix.rstrip('/')}/locks")
                locks = source_of(f"locks:{url.address}", "locks", "http", lambda i: i.lock_endpoints_s, context)
                questions.append((locks, poller("lock_endpoints", "LockEndpointPoller", options, url)))
            yield http_lane(url, questions)


def ports(url: Url, count: int) -> Iterator[Url]:
    """``url`` and those with the ports that follow; they end where there are no more."""
    parts = urlsplit(url.reveal())
    first = parts.port or (443 if parts.scheme == "https" else 80)
    login, at, _ = parts.netloc.rpartition("@")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    for port in range(first, min(first + count, 65_536)):
        yield url if count == 1 else Url(parts._replace(netloc=f"{login}{at}{host}:{port}").geturl())


def maintenance_lanes(context: Context) -> Iterator[LaneSpec]:
    """One lane per job: a folder on a dead mount hides no other."""
    for entry in map(maintenance, context.maintenance):
        source = source_of(
            f"maintenance:{entry.known_as}", "maintenance", "files", lambda i: i.maintenance_s, context
        )
        yield files_lane((source, poller("maintenance", "MaintenancePoller", entry)))


def probe_question(kind: str, server: str, entry: Probe, context: Context) -> Question:
    """A number of one's own, asked on the connection to ``server``."""
    source = source_of(f"probe:{entry.name}", "probe", server, lambda i: i.probes_s, context)
    return source, poller("probe", kind, entry)


def probe_lanes(context: Context) -> Iterator[LaneSpec]:
    """Numbers that are read over HTTP."""
    for entry in context.probe:
        if entry.url is not None:
            yield http_lane(root(entry.url), [probe_question("HttpProbe", "http", entry, context)])


def log_lanes(context: Context) -> Iterator[LaneSpec]:
    """One lane per log: a command that ends, or a folder on a dead mount, hides no other."""
    for entry in context.log:
        source = source_of(f"log:{entry.known_as}", "log", "files", lambda i: i.logs_s, context)
        question = (source, poller("log", "LogPoller", entry))
        yield _command_lane(question, entry.command) if entry.command else files_lane(question)


def _command_lane(question: Question, command: tuple[str, ...]) -> LaneSpec:
    source, make = question

    def build() -> Lane[Any]:
        from unstick.backends.command import CommandConnection  # noqa: PLC0415

        return Lane(CommandConnection(command), [make(source)])

    return LaneSpec((source,), build)


def files_lane(question: Question) -> LaneSpec:
    """A lane to this host's files."""
    source, make = question

    def build() -> Lane[Any]:
        from unstick.backends.files import FilesConnection  # noqa: PLC0415

        return Lane(FilesConnection(), [make(source)])

    return LaneSpec((source,), build)
