"""Metrics for Prometheus: read from the catalog when they are asked for, so that they are true after any restart."""
