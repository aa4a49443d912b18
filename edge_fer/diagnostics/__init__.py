"""Diagnostics of a device: does everything work, how fast is it, what does it send."""
