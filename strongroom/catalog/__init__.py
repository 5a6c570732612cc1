"""Every database table, its queries and migrations. The bucket is the truth about backups; this is its index."""
