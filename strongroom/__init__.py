"""Strongroom: self-hosted data protection. Importing the package connects to nothing."""

__version__ = "0.1.0"
