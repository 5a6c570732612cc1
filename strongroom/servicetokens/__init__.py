"""Tokens of machines: made, shown once, checked, rotated, revoked."""
