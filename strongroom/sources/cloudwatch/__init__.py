"""Log groups of CloudWatch Logs: their events as files of an hour each, and back."""
