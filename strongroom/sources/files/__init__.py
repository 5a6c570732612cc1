"""Directory trees, with everything a restore needs to make them again."""
