"""Backups that are snapshots kept by AWS: taken, copied, confirmed, expired and restored, found again by their tags."""
