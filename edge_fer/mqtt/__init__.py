"""The connection to the broker: publisher, subscriber, outbox, credentials. The only room that knows paho."""
