"""config.yaml, environment and flags: what can be configured, and how it is read."""
