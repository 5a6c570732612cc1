"""Backups from request to restore: plan, run, verify, restore."""
