"""Floor 3. Who is told besides those who look: what is worth it, how often, and by which way."""
