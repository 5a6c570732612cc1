"""Where data comes from and where a restore puts it: directory trees, PostgreSQL databases, buckets and log groups."""
