"""Weights of others → a Keras network → a quantized .tflite file that is proven to behave like the original.

The one way: a source (`mtcnn`, `dlib_resnet`, `vggface`, `embedding`, `emotion`, `face_classifier`) reads weights
and gives a `network.Network`; `conversion` calibrates, converts, asks the delegate, passes the parity gate and puts
the file with its manifest and card in place. TensorFlow is imported here and nowhere in edge_fer.
"""

import os

# Read by TensorFlow when its library is loaded: what goes wrong here is said by our own errors.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
