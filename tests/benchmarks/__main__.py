"""``make bench``: every measurement, one after the other."""

from __future__ import annotations

from tests.benchmarks import folding, polling


def main() -> None:
    """Run all measurements."""
    polling.main()
    folding.main()


if __name__ == "__main__":
    main()
