"""The story of one trace: what was asked for, and everything that came of it, in order of time."""
