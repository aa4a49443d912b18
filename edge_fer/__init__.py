"""edge_fer: faces, identities and emotions, from a USB camera to your own MQTT server."""

import os

__version__ = "0.1.0"

# OpenCV reads these when its library is loaded, so they are set before any module imports it: two seconds without a
# frame mean a lost camera (its default is ten), and unreadable files are reported by our errors instead of its own.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2")
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
