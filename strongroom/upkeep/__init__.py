"""Keeping regions in order, whatever happened to them and around them."""
