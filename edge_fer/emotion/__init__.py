"""How a face views: classification, smoothing over seconds, and a check of the labels' distribution."""
