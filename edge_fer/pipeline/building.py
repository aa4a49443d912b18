"""Configuration → a pipeline: loads models and gallery and puts the stages together."""

from __future__ import annotations

from edge_fer.config.schema import Config
from edge_fer.emotion.classifier import CONFIDENCE, EmotionClassifier
from edge_fer.emotion.smoother import EmotionSmoother
from edge_fer.identity import gallery as galleries
from edge_fer.identity.closed_set import ClosedSetClassifier
from edge_fer.identity.embedder import Embedder
from edge_fer.identity.matcher import Matcher
from edge_fer.pipeline.pipeline import Pipeline
from edge_fer.tflite.model import Model
from edge_fer.vision.mtcnn import Mtcnn
from edge_fer.vision.search_policy import SearchPolicy
from edge_fer.vision.tracker import Tracker


def build(config: Config) -> Pipeline:
    """Load models and gallery and put the stages together.

    Raises:
        ModelError: A model is missing, changed, or of another kind.
        ConfigError: An emotion label is chosen that the model does not have.
        GalleryError: The gallery is damaged or another model's.
    """
    folder, threads = config.models.dir, config.models.thread_count
    identity = emotion = None
    if config.identity.enabled:
        embedder = Embedder(Model(folder / config.models.identity, threads=threads))
        manifest = embedder.model.manifest
        head = None
        if config.identity.head:
            head = ClosedSetClassifier(Model(folder / config.identity.head), manifest)
        gallery = galleries.load(config.identity.gallery, manifest)
        identity = embedder, Matcher(gallery, manifest, config.identity, head)
    if config.emotion.enabled:
        classifier = EmotionClassifier(Model(folder / config.models.emotion, threads=threads), config.emotion)
        confidence = classifier.model.manifest.thresholds[CONFIDENCE]
        emotion = classifier, EmotionSmoother(classifier.labels, confidence, config.emotion)
    return Pipeline(
        config,
        Mtcnn(folder, config.detector, threads=threads),
        SearchPolicy(config.detector.search_interval_s),
        Tracker(config.tracking),
        identity=identity,
        emotion=emotion,
    )
