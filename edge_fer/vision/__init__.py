"""Where faces are: detection, tracking, alignment, quality. Pure functions and stages on arrays."""
