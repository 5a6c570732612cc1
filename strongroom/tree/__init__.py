"""The model of what is backed up: entries of a tree, their content, and where that content lies."""
