"""How the faces of the key provider speak TLS: what Python's `ssl` does not offer is asked of OpenSSL itself."""
