"""Questions about a device: is everything in place, how fast is it, what does it send."""
