"""``python -m unstick`` and the console script."""

from __future__ import annotations

import sys

from unstick.tui import first


def main() -> None:
    """Run the command line and exit with its code; what the last such start drew is shown meanwhile."""
    first.begin(sys.argv[1:])
    try:
        from unstick.cli.main import run  # noqa: PLC0415 - the parser decides what else is imported

        code = run(sys.argv[1:])
    finally:
        first.give_back()
    sys.exit(code)


if __name__ == "__main__":
    main()
