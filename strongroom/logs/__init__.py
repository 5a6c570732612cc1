"""What processes write to their logs: one JSON object a line, or lines for people, and no secrets."""
