"""The connection to the broker: publisher, outbox, credentials. The only room that knows paho."""
