"""``make bench``: every measurement, one after the other."""

from __future__ import annotations

from tests.benchmarks import folding, polling, taping, terminal, verdict


def main() -> None:
    """Run all measurements."""
    polling.main()
    folding.main()
    verdict.main()
    taping.main()
    terminal.main([])


if __name__ == "__main__":
    main()
