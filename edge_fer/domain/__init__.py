"""The nouns that cross every boundary of edge_fer: no I/O, imported by all, importing nothing of ours."""
