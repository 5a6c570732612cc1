"""Whether an installation is set up as it should be: secrets, files, the way to Redis, and what it needs."""
