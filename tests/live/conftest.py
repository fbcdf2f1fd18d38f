"""Fixtures of the live tests alone."""

from __future__ import annotations

import pytest

from tests.live.acting import own_shop, shop, standing_shop
from tests.live.certificates import authority
from tests.live.systems import HASTE
from unstick.cli import lanes

__all__ = ["authority", "hasty", "own_shop", "shop", "standing_shop"]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers of the lab may be asked more often than those of users."""
    monkeypatch.setattr(lanes, "FLOORS", HASTE)
