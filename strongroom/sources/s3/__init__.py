"""Buckets: their objects, with versions and metadata, as a tree of files, and back."""
