"""edge_fer: who is there and how they feel, from a USB camera to your own MQTT server."""

import os

__version__ = "0.1.0"

# OpenCV reads these when its library is loaded, so they are set before any module can import it: two seconds without a
# frame mean a lost camera (its own default is ten), and what cannot be read is said by our errors, not by its own.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2")
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
