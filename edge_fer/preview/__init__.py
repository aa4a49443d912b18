"""Observations drawn on pictures."""
