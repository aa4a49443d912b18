"""The daemon: its threads, signals, systemd, and the order in which they start and stop."""
