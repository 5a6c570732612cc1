"""The keys of encrypted columns: versions, their states, the file they stand in, and who holds which ring."""
