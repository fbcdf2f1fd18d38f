"""Measurements: they print what they measured and the command that made it, and assert nothing about time."""
