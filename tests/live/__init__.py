"""Tests against real servers that tests.lab starts."""
