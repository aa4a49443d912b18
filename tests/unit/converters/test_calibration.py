"""Photos and faces for calibration, with the detector that ships."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from converters import calibration, lfw, photos
from edge_fer.errors import ConversionError, SourceError
from edge_fer.tflite.manifest import Crop, Input
from tests.portraits import ASTRONAUT, GRACE_HOPPER, picture

MODELS = Path(__file__).parents[3] / "models"

CROP = Crop(size_px=(150, 150), landmarks=((47.5, 45.4), (100.9, 45.4), (74.2, 77.5), (51.0, 105.0), (97.4, 105.0)))


def test_photos_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    """From a folder with subfolders; what is no picture is left out."""
    (tmp_path / "b").mkdir()
    for name in ("b/2.png", "a.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((5, 6, 3), np.uint8))
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("text", encoding="utf-8")
    assert [name for name, _ in photos.read_all(tmp_path)] == ["a.png", "b/2.png"]


def test_a_zip_reads_like_a_folder(tmp_path: Path) -> None:
    """Pictures arrive as RGB."""
    red = cv2.imencode(".png", np.full((4, 4, 3), (0, 0, 255), np.uint8))[1].tobytes()
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("people/red.png", red)
        archive.writestr("readme.md", "text")
    ((name, rgb),) = photos.read_all(tmp_path / "photos.zip")
    assert name == "people/red.png"
    assert (rgb[0, 0] == (255, 0, 0)).all()


@pytest.mark.parametrize("make", ["nothing", "empty", "text"])
def test_a_place_without_photos_is_refused(tmp_path: Path, make: str) -> None:
    """Missing, empty, or of another kind."""
    place = tmp_path / "place.zip"
    if make == "empty":
        place = tmp_path
    elif make == "text":
        place.write_text("no archive", encoding="utf-8")
    with pytest.raises(SourceError, match=place.name):
        list(photos.read_all(place))


def test_the_portraits_that_ship_give_enough_faces() -> None:
    """The same ones every time, split so that none calibrates and probes."""
    first = calibration.collect(None, MODELS, 30)
    again = calibration.collect(None, MODELS, 30)
    assert len(first.calibration) >= calibration.FEWEST
    assert {face.name for face in first.calibration}.isdisjoint(face.name for face in first.probe)
    assert [face.landmarks for face in first.probe] == [face.landmarks for face in again.probe]


def test_a_face_becomes_a_networks_input() -> None:
    """Aligned, in the network's color order and numbers."""
    face = calibration.collect(None, MODELS, 30).probe[0]
    raw = face.input(CROP, Input(shape=(1, 150, 150, 3), color="rgb"))
    bgr = face.input(CROP, Input(shape=(1, 150, 150, 3), color="bgr", mean=(10.0, 20.0, 30.0), std=(2.0, 2.0, 2.0)))
    assert raw.shape == (1, 150, 150, 3)
    assert raw.dtype == np.uint8
    assert np.allclose(bgr[..., 2], (raw[..., 0].astype(np.float32) - 30) / 2)


def test_too_few_faces_are_refused(tmp_path: Path) -> None:
    """Found and needed stand in the message; exit code 73."""
    cv2.imwrite(str(tmp_path / "one.png"), picture(GRACE_HOPPER)[..., ::-1])
    with pytest.raises(ConversionError, match="1 faces found; at least 20") as caught:
        calibration.collect(tmp_path, MODELS, 300)
    assert caught.value.exit_code == 73


@pytest.fixture
def labeled(tmp_path: Path) -> Path:
    """Two people, two photos each, and one photo without a face."""
    for name, path in (("Eileen", ASTRONAUT), ("Grace", GRACE_HOPPER)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        rgb = picture(path)
        for number, shown in ((1, rgb), (2, rgb[:, ::-1])):
            cv2.imwrite(str(tmp_path / "photos" / name / f"{name}_000{number}.png"), shown[..., ::-1])
    gray = np.full((120, 120, 3), 128, np.uint8)
    cv2.imwrite(str(tmp_path / "photos" / "Grace" / "Grace_0003.png"), gray)
    rows = (
        "fold,image_a,image_b,same",
        "1,Eileen/Eileen_0001.png,Eileen/Eileen_0002.png,1",
        "1,Grace/Grace_0001.png,Eileen/Eileen_0002.png,0",
        "2,Grace/Grace_0001.png,Grace/Grace_0002.png,1",
        "2,Grace/Grace_0003.png,Eileen/Eileen_0001.png,0",
    )
    (tmp_path / "pairs.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path


def test_labeled_faces_are_found_by_name(labeled: Path) -> None:
    """A photo without a face is aligned on the mean of the others, and told."""
    faces = lfw.load(labeled / "pairs.csv", labeled / "photos", MODELS)
    assert faces.not_found == ("Grace/Grace_0003.png",)
    assert list(faces.subjects()) == ["Eileen", "Eileen", "Grace", "Grace", "Grace"]
    a, b, same, fold = faces.rows()
    assert [faces.names[row] for row in (a[1], b[1])] == ["Grace/Grace_0001.png", "Eileen/Eileen_0002.png"]
    assert same.tolist() == [True, False, True, False]
    assert fold.tolist() == [1, 1, 2, 2]


def test_a_missing_photo_is_named(labeled: Path) -> None:
    """Pairs of photos that are not there."""
    (labeled / "photos" / "Grace" / "Grace_0001.png").unlink()
    with pytest.raises(SourceError, match=r"Grace_0001\.png"):
        lfw.load(labeled / "pairs.csv", labeled / "photos", MODELS)
