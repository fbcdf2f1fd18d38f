"""Floor 0. What was seen: frozen structs per system, the Frame and its readings. No clock, no I/O."""
