"""Who may do what: principals, the one table of operations, and the decision; no database, no HTTP."""
