"""Frame → observations → events. No threads, no sockets, no files, no wall clock."""
