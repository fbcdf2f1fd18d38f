"""Texts that a terminal would obey, in every field of every fact, and what a terminal may be sent by the board."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

from tests.tui.samples import HOSTILE
from tests.unit import test_facts
from tests.unit.boards import T0
from tests.unit.tapes import META
from unstick.facts.automation import AutomationFacts
from unstick.facts.celery import CeleryFacts
from unstick.facts.crawler import CrawlerFacts
from unstick.facts.dramatiq import DramatiqFacts
from unstick.facts.frame import Frame, Observation
from unstick.facts.health import HealthFacts
from unstick.facts.host import HostFacts
from unstick.facts.locks import LockFacts
from unstick.facts.rabbitmq import RabbitFacts
from unstick.facts.reading import Fresh, Missing, Source, Stale, Trouble, TroubleKind
from unstick.facts.servers import PostgresServerFacts, RedisServerFacts
from unstick.facts.sync import SyncApiFacts, SyncDataFacts
from unstick.tape.writer import Writer

FOREIGN = (
    "\x1b[5iprinted", "\x1b[?1047hother screen", "\x1b[8;1;1tsmall", "\x1b[2;3rregion", "\x1bcreset", "\x1bP$qm\x1b\\",
    "\x1b_Gi=1;AAAA\x1b\\", "\x1b]52;c;cm0gLXJm\x07", "\x1b]8;;http://evil\x1b\\link", "\x9b5i", "\x9d0;t\x9c", "\x1b[6n",
    "\x1b[?2026$p", "\x1b[7;5mblink", "\x1b%G", "\x1b(0qqq", "\x0e\x0f", "\x7f\x08\x08", "\u2066a\u2069", "\ufeff", "\u00ad",
)  # fmt: skip
TEXTS = tuple(text for text in (*HOSTILE, *FOREIGN) if not any(0xD800 <= ord(char) < 0xE000 for char in text))
"""Lone surrogates are no text that a tape or a server could carry."""

_SYSTEMS: dict[type, str] = {
    AutomationFacts: "automation", CeleryFacts: "celery", CrawlerFacts: "crawler", DramatiqFacts: "dramatiq",
    HealthFacts: "health", HostFacts: "host", LockFacts: "locks", RabbitFacts: "rabbitmq", PostgresServerFacts: "server",
    RedisServerFacts: "server", SyncApiFacts: "sync", SyncDataFacts: "sync",
}  # fmt: skip
_SCREENS = "1049|25|7|2004|2026|1000|1002|1003|1004|1006|1015|1016|2048"
OWN = re.compile(rf"\x1b\[(?:[0-9;]*[HXCKm]|2J|5n|\?(?:{_SCREENS})[hl]|\?2026\$p|<u)|\x1b\]22;default\x07")
"""All that the board sends beside text."""
_STYLE = re.compile(r"\x1b\[([0-9;]*)m")
_COLOR = re.compile(r"[34]8;(?:2;\d+;\d+;\d+|5;\d+)")


def foreign(output: bytes) -> list[str]:
    """What is not the board's own among what a terminal was sent: sequences, and controls but line ends."""
    text = output.decode("utf-8")
    blinking = [style for style in _STYLE.findall(text) if {"5", "6"} & set(_COLOR.sub("", style).split(";"))]
    controls = re.findall(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069].{0,8}", OWN.sub("", text))
    return blinking + controls


def frames(texts: Sequence[str]) -> Iterator[Frame]:
    """One for each text, which is every text of every fact that there is, of its source and of what went wrong."""
    for number, text in enumerate(texts):
        at = T0 + number
        with mock.patch.object(test_facts, "NAMED", text):
            facts = [test_facts.made(kind, full=True) for kind in test_facts.FACTS]
        seen = [
            Observation(Source(f"{nth}{text}", _SYSTEMS.get(type(fact), "log"), text, 1.0), Fresh(fact, at))
            for nth, fact in enumerate(facts)
        ]
        trouble = Trouble(TroubleKind.PROTOCOL, text)
        seen.append(Observation(Source(f"m{text}", "redis", text, 1.0), Missing(trouble, at)))
        seen.append(Observation(Source(f"s{text}", "locks", text, 1.0), Stale(facts[0], at, trouble, at)))
        yield Frame(number + 1, at, text, tuple(seen))


def taped(path: Path, texts: Sequence[str]) -> None:
    """A tape of :func:`frames`."""
    writer = Writer(path, META)
    for frame in frames(texts):
        writer.frame(frame)
        writer.mark(frame.context)
    writer.close()
    assert writer.trouble is None


def mixed(count: int, seed: int) -> Iterator[str]:
    """Texts of the corpus, of control and format characters, and of any others, in any mixture."""
    dice = random.Random(seed)
    special = [
        *map(chr, range(0x20)),
        *map(chr, range(0x7F, 0xA1)),
        *map(chr, range(0x200B, 0x2070)),
        "\ufeff",
        "[",
        "m",
        ";",
    ]
    for _ in range(count):
        parts = [dice.choice((*TEXTS, "lone\ud800"))] if dice.random() < 0.5 else []
        parts += dice.choices(special, k=dice.randrange(12))
        parts += [chr(dice.randrange(0x110000)) for _ in range(dice.randrange(4))]
        dice.shuffle(parts)
        yield "".join(parts)
