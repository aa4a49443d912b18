"""edge_fer: who is there and how they feel, from a USB camera to your own MQTT server."""

__version__ = "0.1.0"
