"""PostgreSQL databases as logical dumps, read from pg_dump and given back to pg_restore."""
