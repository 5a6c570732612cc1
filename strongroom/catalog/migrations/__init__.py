"""Alembic migrations. A new one is a file in `versions` whose `down_revision` is the newest; the tests compare the
result with the models on both databases and say what differs."""
