"""What a user would pick instead, timed beside edge_fer on the same frames: ``python -m benchmarks.peers``."""
