"""Where frames come from: cameras, video files, folders of images. OpenCV's BGR becomes RGB here."""
