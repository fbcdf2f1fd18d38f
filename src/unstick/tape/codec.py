"""A Frame as a plain document and back. Facts are tagged structs, so a new fact needs nothing here.

The document is ``{"seq", "at", "context", "sources": {id: {"source", "reading"}}}``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from unstick.facts.frame import AnyReading, Frame, Observation
from unstick.facts.reading import Missing, Source, Trouble, TroubleKind
from unstick.tape.record import DamageError

Document = dict[str, Any]


class Documents:
    """Makes documents of consecutive Frames; a reading that did not change is the same object in the next one."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Observation, Document]] = {}

    def of(self, frame: Frame) -> Document:
        """The document of ``frame``."""
        sources: dict[str, Document] = {}
        known: dict[str, tuple[Observation, Document]] = {}
        for observation in frame.observations:
            key = _key(observation.source.id, sources)
            before = self._known.get(key)
            if before and before[0].reading is observation.reading and before[0].source == observation.source:
                known[key] = before
            else:
                known[key] = (observation, msgspec.to_builtins(observation))
            sources[key] = known[key][1]
        self._known = known
        return {"seq": frame.seq, "at": frame.at, "context": frame.context, "sources": sources}


def _key(name: str, taken: dict[str, Document]) -> str:
    """The source's id; the second of two with one id gets a number."""
    key, number = name, 1
    while key in taken:
        number += 1
        key = f"{name}#{number}"
    return key


class Frames:
    """Makes Frames of documents; a source whose document is the same object as before is not read again."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Document, Observation]] = {}

    def of(self, document: Document) -> Frame:
        """The Frame that ``document`` was made of. Raises :class:`DamageError` when it is none."""
        try:
            known: dict[str, tuple[Document, Observation]] = {}
            for key, entry in document["sources"].items():
                before = self._known.get(key)
                same = before is not None and before[0] is entry
                known[key] = before if before and same else (entry, _observation(entry, document["at"]))
            head = {key: document[key] for key in ("seq", "at", "context")} | {"observations": ()}
            frame = msgspec.convert(head, Frame)
        except (msgspec.ValidationError, KeyError, AttributeError, TypeError, RecursionError) as error:
            raise DamageError(f"not a frame: {type(error).__name__}") from error
        self._known = known
        return msgspec.structs.replace(frame, observations=tuple(pair[1] for pair in known.values()))


def _observation(entry: Any, at: float) -> Observation:
    """A fact that this unstick does not know is told as missing: the rest of the Frame is still true."""
    source = msgspec.convert(entry["source"], Source)
    try:
        reading: AnyReading = msgspec.convert(entry["reading"], AnyReading)
    except msgspec.ValidationError:
        reading = Missing(Trouble(TroubleKind.PROTOCOL, "recorded by another version of unstick"), at)
    return Observation(source, reading)
