"""The dead-man's switch: looking from outside Beat and workers whether anything still happens, and telling people."""
