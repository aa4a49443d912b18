"""One module per verb of ``edge-fer-convert``: SUMMARY, add_arguments(parser), run(args) -> exit code."""
