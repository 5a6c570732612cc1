"""Service levels: what is promised for each source, what is measured, and the alerts when they part."""
