"""What goes over the wire: topics, payloads and their JSON schemas. No socket."""
