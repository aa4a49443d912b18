"""Observations drawn on frames."""
