"""What goes over the wire: topics, payload models and their JSON Schemas, and the order of events. No socket."""
