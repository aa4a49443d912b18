"""The types that all packages of edge_fer share. No I/O; imports no other package of edge_fer."""
