"""Encrypted columns of applications: tokens, ciphers and the column type."""
