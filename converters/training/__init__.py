"""The recipe of the emotion network: data → weights → emotion_arch.h5 with its measurements (docs/emotion.md)."""

import os

# converters turns oneDNN off, for the same bits on every machine; without it a training step takes fifty times longer.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
