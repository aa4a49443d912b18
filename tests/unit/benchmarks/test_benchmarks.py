"""The benchmarks' own logic: known places, matching, ratios, counts; no contender is built here."""

import argparse
import zipfile
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import convolution, crowd, floor, instructions, outside, scaling, scenes
from benchmarks.peers import __main__ as peers
from benchmarks.peers import contenders, environments, race, report
from benchmarks.peers.contenders import Contender
from benchmarks.peers.detectors import DETECTORS
from benchmarks.peers.environments import REQUIREMENTS
from benchmarks.peers.race import Answer
from benchmarks.peers.report import Condition, Row
from edge_fer.config.schema import DEFAULT_MODELS
from edge_fer.domain.geometry import Box
from edge_fer.errors import ConfigError
from edge_fer.samples.portraits import Portrait
from edge_fer.tflite.model import Model
from edge_fer.vision.boxes import iou_matrix

SIZES = ((640, 480), (1280, 720))


@pytest.fixture(scope="module")
def red_face(tmp_path_factory: pytest.TempPathFactory) -> Portrait:
    """A black picture whose face is a red rectangle."""
    bgr = np.zeros((300, 250, 3), np.uint8)
    bgr[80:200, 75:175, 2] = 255
    path = tmp_path_factory.mktemp("red") / "red.png"
    cv2.imwrite(str(path), bgr)
    return Portrait("red", path, Box(75, 80, 175, 200), Box(0, 0, 250, 300))


@pytest.mark.parametrize(
    ("arguments", "told"), [(["--budget", "3"], "pipeline.cpu_budget"), (["--fps", "1000"], "pipeline.target_fps")]
)
def test_a_crowd_that_cannot_be_is_one_line(
    arguments: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told before anything is drawn."""
    monkeypatch.setattr("sys.argv", ["crowd", *arguments])
    monkeypatch.setattr(scenes, "moving", lambda *_, **__: pytest.fail("drawn first"))
    assert crowd.main() == ConfigError.exit_code
    said = capsys.readouterr().err
    assert told in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("kind", ["missing", "empty", "no archive"])
def test_photos_that_cannot_be_read_are_one_line(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told before any contender is built."""
    photos = tmp_path / ("photos.zip" if kind == "no archive" else "photos")
    if kind == "empty":
        photos.mkdir()
    elif kind == "no archive":
        photos.write_bytes(b"PK")
    monkeypatch.setattr(environments, "FOLDER", tmp_path / "peers")
    with pytest.raises(SystemExit):
        peers.main(["--photos", str(photos), "--sizes", "--no-clip"])
    assert capsys.readouterr().err.splitlines()[-1].startswith("python -m benchmarks.peers: error: --photos: ")


@pytest.mark.parametrize("text", ["abc", "1920", "0x5", "640x-480", "640x480x3", "99999x99999", "1e3x1e3", ""])
def test_what_is_no_frame_size_is_refused(text: str) -> None:
    """Before anything is built."""
    with pytest.raises(argparse.ArgumentTypeError, match="width and height in pixels"):
        scenes.frame_size(text)


def test_a_frame_size_is_width_and_height() -> None:
    """As cameras and screens are named."""
    assert scenes.frame_size("1920x1080") == (1920, 1080)


def answer(boxes: list[list[float]], cpu_s: float = 0.01) -> Answer:
    return Answer(boxes=boxes, wall_s=2 * cpu_s, cpu_s=cpu_s, resident_bytes=50_000_000)


def row(name: str, cpu_ms: float, found: int = 10) -> Row:
    return Row(name, cpu_ms, cpu_ms, cpu_ms, cpu_ms, found, 10, 0, 100.0)


def still_condition(*rows: Row, faces: int = 4) -> Condition:
    return Condition("two people", 640, 480, faces, report.with_ratios(rows))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("faces", [1, 4, 10, 30])
def test_faces_of_a_still_are_inside_and_apart(size: scenes.Size, faces: int) -> None:
    """Every face lies wholly in the frame, and none overlaps another."""
    scene = scenes.still(scenes.SHIPPED, size, faces, seed=3)
    assert scene.rgb.shape == (size[1], size[0], 3)
    assert scene.rgb.dtype == np.uint8
    assert len(scene.faces) == faces
    for box in scene.faces:
        assert min(box.x1, box.y1) >= 0
        assert box.x2 <= size[0]
        assert box.y2 <= size[1]
    for a, b in combinations(scene.faces, 2):
        assert iou_matrix(a.xyxy()[None], b.xyxy()[None])[0, 0] == 0


def test_a_still_is_the_same_every_time_and_another_with_another_seed() -> None:
    """The seed alone decides."""
    first, again, other = (scenes.still(scenes.SHIPPED, (640, 480), 4, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.rgb, again.rgb)
    assert first.faces == again.faces
    assert first.faces != other.faces


@pytest.mark.parametrize("height_px", [30, 61, 150, 240])
def test_a_face_is_where_it_is_said_to_be(red_face: Portrait, height_px: float) -> None:
    """The red rectangle covers the known box to a pixel, shrunk or enlarged."""
    stand = scenes.Stand(red_face, 320.3, 240.7, height_px)
    drawn = scenes.draw(np.zeros((480, 640, 3), np.float32), [stand])
    rows, columns = np.nonzero(drawn[..., 0] > 100)
    seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert np.allclose(seen, stand.face.xyxy(), atol=1.5)


def test_a_tilted_face_keeps_its_center(red_face: Portrait) -> None:
    """The head turns about the middle of its face."""
    stand = scenes.Stand(red_face, 300, 200, 120, tilt_deg=10)
    drawn = scenes.draw(np.zeros((480, 640, 3), np.float32), [stand])
    rows, columns = np.nonzero(drawn[..., 0] > 100)
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx(stand.face.center, abs=0.7)


def test_a_clip_joins_its_end_to_its_beginning() -> None:
    """The step from the last frame to the first is no larger than others; faces stay inside."""
    clip = list(scenes.moving(scenes.SHIPPED, (320, 240), 2, frames=40, seed=1))
    centers = np.array([[face.center for face in scene.faces] for scene in clip])
    steps = np.abs(np.roll(centers, -1, axis=0) - centers).max(axis=(1, 2))
    assert steps[-1] <= steps.max()
    assert steps.max() < 12
    assert steps.mean() > 0
    boxes = np.array([[face.xyxy() for face in scene.faces] for scene in clip])
    assert boxes.min() >= 0
    assert (boxes.max(axis=(0, 1)) <= (320, 240, 320, 240)).all()


def test_photos_come_from_a_folder_or_a_zip(tmp_path: Path) -> None:
    """Both give the same portraits, in the order of their names."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("b", "a"):
        cv2.imwrite(str(folder / f"{name}.jpg"), np.full((250, 250, 3), 90, np.uint8))
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    unpacked = scenes.photos(tmp_path / "photos.zip", tmp_path / "unpacked")
    assert [portrait.subject for portrait in scenes.photos(folder, tmp_path)] == ["a", "b"]
    assert [portrait.subject for portrait in unpacked] == ["a", "b"]
    assert len(scenes.still(unpacked, (640, 480), 2, seed=0).faces) == 2


def test_no_photos_is_an_error(tmp_path: Path) -> None:
    """An empty folder is told by name."""
    with pytest.raises(FileNotFoundError, match=r"holds no \.jpg"):
        scenes.photos(tmp_path, tmp_path)


def test_a_box_counts_for_one_face_only() -> None:
    """Two boxes on one face find one; one box between two finds the nearer."""
    faces = (Box(0, 0, 100, 100), Box(200, 0, 300, 100))
    assert report.matched([[0, 0, 100, 100], [5, 0, 105, 100]], faces) == 1
    assert report.matched([[0, 0, 100, 100], [210, 0, 310, 100]], faces) == 2
    assert report.matched([[60, 0, 160, 100]], faces) == 0


def test_nothing_matches_nothing() -> None:
    """No boxes or no faces make no match and no error."""
    assert report.matched([], (Box(0, 0, 1, 1),)) == 0
    assert report.matched([[0, 0, 1, 1]], ()) == 0


def test_a_row_leaves_the_warm_up_out() -> None:
    """The first answer to each frame is not timed; faces are those of the last."""
    face = Box(0, 0, 50, 50)
    hit, miss = [[0.0, 0.0, 50.0, 50.0]], [[300.0, 300.0, 350.0, 350.0]]
    answers = [[answer(miss, 9.0), answer(hit, 0.01), answer(hit, 0.03)], [answer(hit, 9.0), answer(miss, 0.03)] * 1]
    answers[1].append(answer(miss, 0.05))
    made = report.row("x", answers, [(face,), (face,)])
    assert (made.found, made.present, made.extra) == (1, 2, 1)
    assert made.cpu_ms == pytest.approx(30)
    assert made.median_ms == pytest.approx(60)
    assert made.mean_cpu_ms == pytest.approx((20 + 40) / 2)
    assert made.resident_mb == 50


def test_ratios_are_to_the_contender_with_the_same_smallest_face() -> None:
    """Ours have none; a contender whose counterpart could not run has none."""
    rows = report.with_ratios([row("ours", 4), row("theirs", 60), row("alone", 9)], {"theirs": "ours", "alone": "gone"})
    assert [made.ratio for made in rows] == [None, 15.0, None]


def test_the_table_names_what_was_measured() -> None:
    """One line for each contender, with ratio and faces."""
    text = report.table(still_condition(row(contenders.OURS_40, 4), row("facenet-pytorch", 40, found=9)))
    assert "two people, 640×480, faces: 4" in text
    assert "| facenet-pytorch | 40.00 | 40.00 | 40.00 | 10.0 | 9 of 10 | 0 | 100 |" in text


def test_the_summary_puts_numbers_of_faces_side_by_side() -> None:
    """Times and ratios one after the other, faces and boxes summed, the largest memory."""
    conditions = [
        still_condition(row(contenders.OURS_40, ms), row("facenet-pytorch", 10 * ms, found), faces=faces)
        for faces, ms, found in ((1, 4, 10), (4, 5, 9))
    ]
    lines = report.summary(conditions).splitlines()
    assert lines[0] == "**two people, 640×480, faces: 1 / 4**"
    assert lines[-1] == "| facenet-pytorch | 40.0 / 50.0 | 10.0 / 10.0 | 19 of 20 | 0 | 100 |"


@pytest.mark.parametrize(("theirs_ms", "their_faces", "met"), [(33, 10, True), (31, 10, False), (33, 11, False)])
def test_faster_counts_at_no_fewer_faces_only(theirs_ms: float, their_faces: int, met: bool) -> None:
    """Eight times facenet-pytorch holds at 8 and above, and only with as many faces."""
    condition = still_condition(row(contenders.OURS_40, 4), row("facenet-pytorch", theirs_ms, their_faces))
    (target,) = report.targets([condition], [])
    assert target.met is met


def test_ten_faces_are_to_cost_at_most_twice_one() -> None:
    """Compared within one size and one set of people."""
    one, ten = (still_condition(row(contenders.OURS_40, ms), faces=faces) for ms, faces in ((4, 1), (9, 10)))
    (target,) = report.targets([one, ten], [])
    assert target.measured == "2.25"
    assert not target.met


def test_following_is_compared_with_mediapipe() -> None:
    """Cost against MediaPipe, recall against searching every frame; that emotion has no model is said."""
    rows = (row(contenders.EVERY_FRAME, 6), row(contenders.FOLLOWING, 2, found=9), row(contenders.MEDIAPIPE, 2.5))
    cost, recall = report.targets([], [(Condition("two people", 640, 480, 4, rows), 15)])
    assert cost.met
    assert "without emotion" in cost.text
    assert not recall.met
    assert recall.measured == "90.0%"


def test_the_clip_table_tells_means() -> None:
    """A contender that searches now and then has frames of two costs: the mean counts."""
    text = report.clip_table(Condition("two people", 640, 480, 4, (row("x", 3),)), 15)
    assert "4 moving faces at 15 frames a second" in text
    assert "| x | 3.00 |" in text


def test_every_contender_can_be_built() -> None:
    """Its detector exists, its requirements are pinned, and what it is compared with is ours."""
    ours = {contender.name for contender in contenders.STILLS if contender.environment is None}
    for contender in (*contenders.STILLS, *contenders.CLIP):
        assert contender.detector in DETECTORS
        assert contender.against is None or contender.against in ours
        if contender.environment:
            assert (REQUIREMENTS / f"{contender.environment}.txt").is_file()
    for path in REQUIREMENTS.iterdir():
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        assert all("==" in line for line in lines), path


def test_a_contender_that_cannot_be_built_is_told(tmp_path: Path) -> None:
    """Its reason is kept by name, and the others run."""
    broken = Contender("broken", None, "edge_fer", {"min_face_px": 1})
    with ExitStack() as stack:
        runners, failures = race.start([broken], lambda _: None, tmp_path / "log.txt", stack)
    assert runners == []
    assert "ValidationError" in failures["broken"]


def test_rounds_ask_everybody_for_every_frame(tmp_path: Path) -> None:
    """One process answers with faces, times and memory of its own."""
    scene = scenes.still(scenes.SHIPPED, (640, 480), 1, seed=0)
    ours = Contender("ours", None, "edge_fer", {"min_face_px": 40})
    with ExitStack() as stack:
        runners, failures = race.start([ours], lambda _: None, tmp_path / "log.txt", stack)
        answers = race.rounds(runners, [(scene.rgb, 0.0)], 2, tmp_path / "frame.npy", warm=True)
    assert failures == {}
    ((first, second),) = answers["ours"]
    assert first.boxes == second.boxes
    assert report.matched(second.boxes, scene.faces) == 1
    assert second.cpu_s > 0
    assert second.resident_bytes > 10_000_000


def test_instructions_are_counted_once_and_by_part() -> None:
    """The cost of a call stands with the callee; a name given with a callee is known later."""
    profile = """events: Ir
fl=(1) ceval.c
ob=(1) /usr/bin/python3
fn=(1) eval
12 100
cob=(2) /x/ai_edge_litert/_pywrap.so
cfn=(2) invoke
calls=1 5
12 7000
+1 11
* 4
ob=(2)
fn=(2)
0x12 7000
ob=(3) /x/cv2/cv2.abi3.so
3 50
ob=(4) /x/numpy/_core/_multiarray_umath.so
3 60
totals: 7225
"""
    assert instructions.parts(profile) == {
        "networks": 7000,
        "OpenCV": 50,
        "numpy": 60,
        "Python and the rest": 115,
    }


def test_the_table_of_instructions_adds_up() -> None:
    """In millions, with their sum."""
    found = dict(zip(instructions.PARTS, (1_000_000, 200_000, 30_000, 4_000_000), strict=True))
    assert instructions.table({"search": found}).splitlines()[-1] == "| search | 1.00 | 0.20 | 0.03 | 4.00 | 5.23 |"


def test_p_net_macs_of_one_window() -> None:
    """A window of 12 px ends in one cell: 10² · 270 + 3² · 1440 + 4608 + 160."""
    assert floor.p_net_macs(12, 12) == 27_000 + 12_960 + 4_768


def test_work_is_counted_while_it_is_done() -> None:
    """Crops and multiply-accumulates inside the block only."""
    model = Model(DEFAULT_MODELS / "onet.tflite")
    with floor.counting() as work:
        model(np.zeros((3, 48, 48, 3), np.uint8))
    model(np.zeros((1, 48, 48, 3), np.uint8))
    assert work.crops == {"mtcnn-onet": 3}
    assert work.int8_macs == 3 * model.manifest.macs
    assert work.floor_ms(floor.Peak(float32=1e9, int8=1e9)) == pytest.approx(3 * model.manifest.macs / 1e6)


def test_the_peak_is_that_of_a_convolution_that_runs() -> None:
    """Both models are taken by the runtime; int8 is no slower than a third of float on any board."""
    peak = floor.peak()
    assert peak.float32 > 1e8
    assert peak.int8 > peak.float32 / 3
    assert str(floor.Peak(float32=130e9, int8=520e9)) == "130 GMAC/s in float32, 520 GMAC/s in int8"


def test_the_convolution_is_the_one_that_is_counted() -> None:
    """Ones through weights of one: every output away from the rim is the number of products behind it."""
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(
        model_content=convolution.model(int8=False), num_threads=1
    )
    interpreter.allocate_tensors()
    shape = (1, convolution.SIDE_PX, convolution.SIDE_PX, convolution.CHANNELS)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.ones(shape, np.float32))
    interpreter.invoke()
    output = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert output.shape == shape
    assert (output[0, 1:-1, 1:-1] == 9 * convolution.CHANNELS).all()
    assert output.size * 9 * convolution.CHANNELS == convolution.MACS


def test_the_scaling_table_says_what_is_fixed() -> None:
    """One sweep, with the ratio to the floor."""
    point = scaling.Point("faces", 4, 1280, 720, 40, 4, 4, 10.0, 11.0, 7.0, 5.0, {"mtcnn-rnet": 80, "mtcnn-onet": 6})
    lines = scaling.table([point]).splitlines()
    assert lines[0] == "**faces** (1280×720, min face 40)"
    assert lines[-1] == "| 4 | 10.00 | 11.00 | 7.00 | 5.00 | 2.0 | 80 | 6 | 4 of 4 |"


def test_what_lies_outside_is_told_of_the_median_frame() -> None:
    """0.6 of 1 ms in the networks, whatever one slow frame took."""
    costs = [outside.Cost(False, 1.1, 1.0, 0.6)] * 4 + [outside.Cost(False, 90.0, 90.0, 0.6)]
    assert outside.row(4, costs) == "| followed, 4 | 1.10 | 0.60 | 0.40 | 40% |"
