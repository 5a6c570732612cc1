"""Restore drills: a backup is restored into an empty place, asked questions, timed, and removed again."""
