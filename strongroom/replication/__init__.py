"""Wanted replicas against actual ones, per region."""
