"""The audit log: who did what, in the transaction of the change, in chained rows whose end is kept elsewhere too."""
