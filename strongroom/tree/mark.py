"""The mark of a table whose rows stay out of every backup."""

ROWS_STAY_OUT = "strongroom: rows stay out of backups"
"""A PostgreSQL table whose comment begins with this is backed up without its rows; anybody may mark a table so.

For what a restore must not bring back, such as keys that were handed out once.
"""
