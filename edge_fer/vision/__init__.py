"""Where faces are: detection, tracking, alignment, quality. Functions on arrays and stages with little state."""
