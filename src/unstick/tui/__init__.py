"""Floor 5. The only package that imports Textual."""
