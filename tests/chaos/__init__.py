"""A seeded storm over a whole installation, and an account of what it did that does not trust the ledger."""
