"""Where bytes are kept: one object-store contract, a local directory and S3 behind it, and the regions made of them."""
