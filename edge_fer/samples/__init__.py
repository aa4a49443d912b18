"""Two public-domain portraits and a clip made from them, for demo, benchmark and tests."""
