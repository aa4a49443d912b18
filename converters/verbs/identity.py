"""What the three verbs for identity networks share: faces to calibrate on, pairs to measure with."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from converters import calibration, conversion, lfw, trials
from converters.network import Network
from converters.verbs.finish import finish
from edge_fer.errors import SourceError


def convert(network: Network, args: argparse.Namespace, worst_cosine: float) -> int:
    """Convert, judge by cosine and by labeled pairs where given, put in place.

    Args:
        worst_cosine: Limit at the first percentile.
    """
    network = replace(network, thresholds=network.thresholds | thresholds(args.threshold))
    more = verification(args.pairs, args.pair_photos, args.detectors)
    faces = calibration.collect(args.photos, args.detectors, args.calibrate)
    trial = trials.FaceTrial(faces, trials.embedding_judge(worst_cosine), more)
    report = conversion.convert([network], trial, args.out, made_by=args.made_by, allow_partial=args.allow_partial)
    return finish(report, args)


def thresholds(given: list[str]) -> dict[str, float]:
    """NAME=COSINE options as numbers.

    Raises:
        SourceError: Not of that form, or no cosine.
    """
    found = {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            found[name] = float(value)
        except ValueError as error:
            raise SourceError(f"--threshold {text}: not NAME=NUMBER", "give --threshold fmr_1e-3_single=0.4") from error
        if not -1 <= found[name] <= 1:
            raise SourceError(f"--threshold {text}: a cosine lies between -1 and 1", "give a cosine, not a distance")
    return found


def verification(pairs: Path | None, place: Path | None, detectors: Path) -> trials.VerificationTrial | None:
    """The trial on labeled pairs, or None where there are none.

    Raises:
        SourceError: Only one of both is given.
    """
    if pairs is None and place is None:
        return None
    if pairs is None or place is None:
        raise SourceError("--pairs and --pair-photos go together", "give both or none")
    return trials.VerificationTrial(lfw.load(pairs, place, detectors), f"{place.parent.name}/{place.name}")
