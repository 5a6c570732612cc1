"""The demo: back up a database and a directory, lose a region, restore from another, compare everything."""
