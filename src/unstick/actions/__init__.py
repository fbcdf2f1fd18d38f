"""What changes the world: plans, and the one gate through which they are applied."""
