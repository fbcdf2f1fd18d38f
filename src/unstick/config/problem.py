"""What is wrong with a configuration, one line per problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unstick.facts.text import clean

EX_NOINPUT = 66
EX_CONFIG = 78
MOST = 20
"""Problems that are told at once."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend; ``str()`` is its line, harmless for a terminal. Callers keep secrets out of every field."""

    file: str
    what: str
    mend: str = ""
    line: int | None = None
    column: int | None = None
    key: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = ": ".join(part for part in (place, self.key, self.what) if part)
        return clean(f"{text}; mend: {self.mend}" if self.mend else text)


class ConfigError(Exception):
    """The configuration cannot be used. ``exit_code`` is 78, or 66 for a named file that cannot be read."""

    def __init__(self, problems: Sequence[Problem], exit_code: int = EX_CONFIG) -> None:
        told = tuple(problems[:MOST])
        left_out = len(problems) - len(told)
        if left_out:
            told = (*told, Problem(told[-1].file, f"and {left_out} more problems", "mend these first"))
        self.problems = told
        self.exit_code = exit_code
        super().__init__("\n".join(map(str, told)))
