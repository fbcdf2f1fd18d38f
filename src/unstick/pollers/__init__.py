"""Floor 2. One question each: a connection in, a fact out. When, how often and how patiently is the lane's."""
