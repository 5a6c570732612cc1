"""Spans: how long each part of the work took, for whoever collects them; nothing at all unless that was asked for."""
