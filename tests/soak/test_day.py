"""A day of a large stack on one tape: its size, how fast one gets anywhere, and that opening reads no Frame."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.taping import DAY, Figures, measured, p50, p99, tell

ROOT = Path(__file__).parents[2]
MEMORY = 256 << 20
OPEN = """
import sys
from pathlib import Path
from unstick.tape.reader import Tape
with Tape.open(Path(sys.argv[1])) as tape:
    print(len(tape), tape.frame(len(tape) // 2) is not None)
"""


def test_a_day_is_below_a_quarter_of_a_gigabyte_and_every_second_of_it_is_near(tmp_path: Path) -> None:
    path = tmp_path / "day.tape"
    told = measured(path, DAY)
    tell(told)
    assert told.size < 250e6
    reaches(told)
    done = subprocess.run(
        [sys.executable, "-c", OPEN, path],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(DAY), "True"]


def reaches(told: Figures) -> None:
    """A seek is a keyframe and up to 59 deltas: what it costs is measured against the decode of one keyframe."""
    assert told.ratio < 60
    assert p50(told.seeks) < 30 * p50(told.keys)
    assert p99(told.seeks) < 100
