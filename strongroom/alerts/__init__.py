"""Alerts: opening, clearing, silencing, and telling people through channels."""
