"""Two servers beside each other: the same script said to both, and what differs."""
