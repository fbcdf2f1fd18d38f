"""Floor 4. How it is told: Board to PaneView, spans with roles. No Textual, no Rich, no markup."""
