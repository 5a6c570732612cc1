"""The face of the key provider for encryptors: draft-cisco-skip-02, sections 3 and 4."""
