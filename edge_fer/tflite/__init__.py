"""Model files: their manifests, their outputs, and the only code that uses LiteRT and tflite-runtime."""
