"""Real parts in small, for tests and demonstrations: stores in memory, faults on demand, a scratch PostgreSQL."""
