"""Repeatable measurements: ratios side by side in one run."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
"""Of the checkout."""
