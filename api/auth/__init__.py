"""Logging in, second factors and sessions over HTTP."""
