"""``python -m unstick`` and the console script."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from unstick.cli.main import run  # noqa: PLC0415 - the parser decides what else is imported

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
