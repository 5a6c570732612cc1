"""Calls to AWS services that hold what is backed up: which there are, how they are made, what answers mean."""
