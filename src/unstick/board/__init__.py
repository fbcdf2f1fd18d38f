"""Floor 1. What it means: subjects joined across systems, levels, history. Pure; time comes from the Frame."""
