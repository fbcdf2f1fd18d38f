"""Exit codes (sysexits.h where it has one). ``status`` speaks Nagios instead: 0, 1, 2, 3."""

from __future__ import annotations

DONE = 0
UNKNOWN = 3
"""Of ``status`` alone: it could not tell."""
NOTHING_TO_DO = 10
PARTIAL = 11
REFUSED = 12
OUTCOME_UNKNOWN = 13
"""Of actions: nothing to do, done in part, refused, and nobody can tell whether it was done."""
USAGE = 64
BAD_TAPE = 65
NO_INPUT = 66
UNAVAILABLE = 69
INTERNAL = 70
INPUT_OUTPUT = 74
NO_PERMISSION = 77
CONFIG = 78
INTERRUPTED = 130
