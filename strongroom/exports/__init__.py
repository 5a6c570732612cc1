"""Backups outside of the regions: one directory each, encrypted as in a region, described by a manifest in JSON."""
