"""Frame → observations → events of visits. No thread, no socket, no file, no clock."""
