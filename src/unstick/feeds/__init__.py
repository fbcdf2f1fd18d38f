"""Floor 3. Where Frames come from; whoever reads one cannot tell."""
