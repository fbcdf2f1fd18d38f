"""Floor 6. Wiring and exit codes only."""
