"""Which emotion a face shows: classification, smoothing over time, and a monitor of the labels' distribution."""
