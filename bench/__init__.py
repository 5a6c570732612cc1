"""Side-by-side measurements against other tools; each module is one command."""
