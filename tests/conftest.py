"""Gives every test the lab's fixtures. Nothing is started before a test asks for it."""

from __future__ import annotations

from tests.lab.fixtures import *  # noqa: F403
