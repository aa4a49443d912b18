"""Model files: the manifest beside each, and the only code that knows LiteRT and tflite-runtime."""
