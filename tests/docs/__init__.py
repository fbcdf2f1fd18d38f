"""What the documentation says is made or run here."""
