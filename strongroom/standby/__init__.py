"""PostgreSQL standbys: how far each is behind its primary, and whether it still follows."""
