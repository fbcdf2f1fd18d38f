"""The files of one maintenance job: how old the newest is, how large against the one before, what room is left."""

from __future__ import annotations

import contextlib

from unstick import clock
from unstick.backends.files import FilesConnection, Found, matching, room, tail
from unstick.facts.maintenance import MaintenanceFacts, SeenFile
from unstick.facts.reading import Source
from unstick.facts.text import clean, clean_bytes
from unstick.pollers.line_time import line_time
from unstick.settings import Maintenance

TAIL_BYTES = 4096
LINE_CHARACTERS = 200


class MaintenancePoller:
    """One job. ``entry`` has its blanks filled."""

    def __init__(self, source: Source, entry: Maintenance) -> None:
        self.source = source
        self._entry = entry

    async def look(self, connection: FilesConnection) -> MaintenanceFacts:
        """List and measure. Raises :class:`BackendError` where a folder may not be read."""
        return await connection.look(self.source.id, self._survey)

    def _survey(self) -> MaintenanceFacts:
        entry = self._entry
        found = matching(entry.files, entry.folder)
        newest = found[0] if found else None
        line = _last_line(newest) if newest and entry.last_line else None
        free = None
        if newest is not None and entry.backup:
            with contextlib.suppress(OSError):
                free = room(newest.path.parent)
        return MaintenanceFacts(
            name=clean(entry.known_as),
            pattern=clean(", ".join(entry.files)),
            looked_at=clock.now(),
            files=len(found),
            newest=_seen(newest),
            before=_seen(found[1]) if len(found) > 1 else None,
            line=line,
            line_at=None if line is None else line_time(line),
            free_bytes=free,
            every_s=entry.every_s,
            backup=entry.backup,
            shrink_warning=entry.shrink_warning,
        )


def _seen(found: Found | None) -> SeenFile | None:
    return None if found is None else SeenFile(clean(str(found.path)), found.size, found.written_at)


def _last_line(newest: Found) -> str | None:
    """The last line that says something, or as much of it as matters. Raises :class:`OSError`."""
    lines = [line for line in tail(newest.path, TAIL_BYTES).split(b"\n") if line.strip()]
    return clean_bytes(lines[-1], LINE_CHARACTERS) if lines else None
