"""What can be queued: one file per capability. A task is given a job's id; the ledger knows the rest."""
