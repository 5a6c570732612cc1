"""Keys that protect keys: versions, wrapping, and the providers that hold the key-encryption keys."""
