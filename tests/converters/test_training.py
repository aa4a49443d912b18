"""The emotion recipe on tiny made-up data: splits, targets, variation, the merged network, going on after a break."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.training import calibration, faces, feed, tired
from converters.training.augment import CROP_PX, TRUNK_PX, plain, varied
from converters.training.labels import BASIC, LABELS, TIRED, VOTE_COLUMNS
from edge_fer.errors import ConversionError, SourceError


def pictures(count: int, seed: int = 0) -> np.ndarray:
    """uint8 (count, 48, 48) of noise."""
    return np.random.default_rng(seed).integers(0, 256, (count, 48, 48)).astype(np.uint8)


def some_faces(count: int, seed: int = 0) -> faces.Faces:
    """Faces with label i mod 7 and all votes for it."""
    label = np.arange(count) % len(BASIC)
    return faces.Faces(pictures(count, seed), label, np.eye(len(BASIC), dtype=np.float32)[label], label)


def write_split(path: Path, count: int, match: float = 1.0) -> None:
    """An .npz as fer2013/train.npz: all ten votes on the label."""
    label = (np.arange(count) % len(BASIC)).astype(np.uint8)
    votes = np.zeros((count, 10), np.uint8)
    votes[np.arange(count), np.array(VOTE_COLUMNS)[label]] = 10
    np.savez(path, images=pictures(count), label7=label, votes=votes, label_match=np.full(count, match, np.float32))


def test_load_turns_votes_into_our_order(tmp_path: Path) -> None:
    """FER+ columns come in another order than our labels."""
    write_split(tmp_path / "train.npz", 14)
    loaded = faces.load(tmp_path / "train.npz")
    np.testing.assert_array_equal(loaded.majority, loaded.label7)
    np.testing.assert_allclose(loaded.votes[np.arange(14), loaded.label7], 1)


def test_load_leaves_doubtful_joins_out(tmp_path: Path) -> None:
    """Rows below MIN_LABEL_MATCH are not read."""
    write_split(tmp_path / "train.npz", 5, match=0.84)
    assert len(faces.load(tmp_path / "train.npz")) == 0


def test_missing_data_is_one_line(tmp_path: Path) -> None:
    """No traceback for a wrong --data."""
    with pytest.raises(SourceError, match="not_there"):
        faces.load(tmp_path / "not_there.npz")


def test_data_that_is_cut_off_is_one_line(tmp_path: Path) -> None:
    """A copy that broke off, of the data or of the faces cut from it."""
    write_split(tmp_path / "train.npz", 14)
    for size in (0, 10, 2000):
        (tmp_path / "cut.npz").write_bytes((tmp_path / "train.npz").read_bytes()[:size])
        with pytest.raises(SourceError, match=r"cut\.npz"):
            faces.load(tmp_path / "cut.npz")
        with pytest.raises(SourceError, match=r"cut\.npz: .*delete it"):
            tired.load(tmp_path, tmp_path, tmp_path / "cut.npz")


@pytest.mark.convert
def test_what_is_no_tflite_model_is_refused(tmp_path: Path) -> None:
    """Missing, a folder, and something else."""
    from converters.training import measure  # noqa: PLC0415

    (tmp_path / "text.tflite").write_text("no model")
    for path in (tmp_path / "gone.tflite", tmp_path, tmp_path / "text.tflite"):
        with pytest.raises(SourceError, match="--tflite"):
            measure.tflite_answers(path)


def test_split_shares_no_picture() -> None:
    """Copies stay together, and valid's pictures are in neither part."""
    once = some_faces(400)
    again = [np.concatenate((part, part)) for part in (once.label7, once.majority)]
    twice = faces.Faces(np.concatenate((once.images,) * 2), again[0], np.concatenate((once.votes,) * 2), again[1])
    valid = once.rows(np.arange(400) < 40)
    fit, dev = faces.split(twice, valid)
    seen = [{image.tobytes() for image in part.images} for part in (fit, dev, valid)]
    assert not seen[0] & seen[1]
    assert not (seen[0] | seen[1]) & seen[2]
    assert len(fit) + len(dev) == 2 * 360
    assert 0 < len(dev) < 2 * 80


def test_targets_fall_back_to_the_label_where_nobody_voted() -> None:
    """A row without votes for our labels keeps its label whole."""
    silent = faces.Faces(pictures(1), np.array([2]), np.zeros((1, 7), np.float32), np.array([-1]))
    np.testing.assert_allclose(faces.fer_targets(silent, 0.8)[0], np.eye(7)[2])


@pytest.mark.parametrize(("size", "wanted_px"), [(24, TRUNK_PX), (48, 64), (112, TRUNK_PX), (224, 88)])
def test_variation_is_seeded_and_has_the_size_asked_for(size: int, wanted_px: int) -> None:
    """Any stored size gives the trunk's input; the same seed gives the same face."""
    image = np.random.default_rng(1).integers(0, 256, (size, size)).astype(np.uint8)
    for seed in range(30):
        first, second = (varied(image, np.random.default_rng(seed), 1.0, wanted_px) for _ in range(2))
        assert first.shape == (wanted_px, wanted_px)
        assert first.dtype == np.uint8
        np.testing.assert_array_equal(first, second)


def test_plain_keeps_a_flat_picture_flat() -> None:
    """Neither step of the real path changes a gray level."""
    np.testing.assert_array_equal(plain(np.full((48, 48), 77, np.uint8)), 77)


def test_feed_shows_every_sample_once_and_repeats_itself() -> None:
    """An epoch is a permutation; the same epoch of another feed is the same."""
    samples = feed.fer_samples(some_faces(64), label_share=1.0, balance=0.0)
    plan = feed.Plan(epochs=2, horizon=2, rate=1e-3, strength=1.0, mixup=0.0, dropout=0.0)
    one, two = feed.Feed(samples, 16, 5, 0, plan), feed.Feed(samples, 16, 5, 1, plan)
    shown = np.concatenate([one[step][1]["label"].argmax(axis=1) for step in range(len(one))])
    np.testing.assert_array_equal(np.sort(shown), np.sort(samples.label.argmax(axis=1)))
    one.on_epoch_end()
    np.testing.assert_array_equal(one[0][0], two[0][0])


def test_small_pictures_come_first() -> None:
    """Each size has an equal part of the epochs; the last one also has what a longer run adds."""
    plan = feed.Plan(5, 5, 1e-3, strength=1.0, mixup=0.5, dropout=0.0, sizes_px=(32, 48))
    assert [plan.size_px(epoch) for epoch in range(6)] == [32, 32, 32, 48, 48, 48]
    samples = feed.fer_samples(some_faces(16), label_share=1.0, balance=0.0)
    assert [feed.Feed(samples, 16, 5, epoch, plan)[0][0].shape[1] for epoch in (2, 3)] == [32, 48]


def test_temperature_undoes_a_known_scale() -> None:
    """Logits of a calibrated guess, doubled, ask for a temperature of two."""
    draw = np.random.default_rng(0)
    logits = draw.normal(size=(20000, 7))
    truth = np.array([draw.choice(7, p=row) for row in calibration.softmax(logits)])
    assert calibration.fit_temperature(2 * logits, truth) == pytest.approx(2, abs=0.1)  # 4 standard errors
    assert calibration.reliability(calibration.softmax(logits), truth).error < 0.02
    assert calibration.reliability(calibration.softmax(4 * logits), truth).error > 0.1


def test_risk_falls_with_coverage_when_confidence_is_right() -> None:
    """Three right and sure, one wrong and unsure."""
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    curve = calibration.risk_coverage(probabilities, np.array([0, 0, 0, 1]))
    np.testing.assert_allclose(curve.coverage, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(curve.risk, [0, 0, 0, 0.25])
    assert curve.at_coverage(0.75) == (0.7, 0.0)


def test_macro_f1_of_a_perfect_and_a_mixed_answer() -> None:
    """Diagonal is one; half of one class wrong is worked out by hand."""
    assert calibration.macro_f1(np.diag([3, 5])) == 1
    assert calibration.macro_f1(np.array([[1, 1], [0, 2]])) == pytest.approx((2 / 3 + 4 / 5) / 2)


def spread_statistics(trained: Any) -> None:
    """Give every normalization means, variances, scales and shifts that are not those of a fresh layer."""
    draw = np.random.default_rng(4)
    for layer in trained.layers:
        if layer.name.endswith("_norm"):
            count = layer.gamma.shape[0]
            ranges = ((0.5, 1.5), (-1, 1), (-1, 1), (0.5, 2))  # scale, shift, mean, variance
            layer.set_weights([draw.uniform(low, high, count) for low, high in ranges])


@pytest.mark.convert
def test_training_starts_with_what_the_first_weights_compute() -> None:
    """Normalization added behind given convolutions changes nothing, and is told the statistics of what it sees."""
    import keras  # noqa: PLC0415

    from converters.training import first_weights, network  # noqa: PLC0415

    keras.utils.set_random_seed(0)
    before, after = network.training_model(0.0), network.training_model(0.0)
    spread_statistics(before)
    pixels = pictures(6)[..., None].astype(np.float32)
    first_weights.from_convolutions(after, network.folded_convolutions(before), pixels)
    for head in ("label", "votes"):
        after.get_layer(head).set_weights(before.get_layer(head).get_weights())
    one, other = (model.predict(pixels, verbose=0) for model in (before, after))
    np.testing.assert_allclose(other["label"], one["label"], rtol=1e-3, atol=1e-3)
    as_trained = keras.Model(after.input, after.get_layer("s2b2_b_norm").output)(pixels, training=True)
    as_used = keras.Model(after.input, after.get_layer("s2b2_b_norm").output)(pixels, training=False)
    np.testing.assert_allclose(as_trained, as_used, rtol=1e-2, atol=1e-2)


@pytest.mark.convert
def test_the_optimizer_forgets_where_it_went() -> None:
    """One gradient, then 200 the other way: the last step holds nothing of the first."""
    import keras  # noqa: PLC0415

    from converters.training.muon import ConvolutionMuon  # noqa: PLC0415

    kernel = keras.Variable(np.zeros((1, 1, 2, 2), np.float32), name="kernel")
    optimizer = ConvolutionMuon(0.01, weight_decay=0.0, adam_weight_decay=0.0)
    once, often = np.zeros((2, 1, 1, 2, 2), np.float32)
    once[..., 0, 0] = often[..., 1, 1] = 1
    optimizer.apply([keras.ops.array(once)], [kernel])
    for _ in range(200):
        before = np.array(kernel.value)
        optimizer.apply([keras.ops.array(often)], [kernel])
    step = np.array(kernel.value) - before
    assert abs(step[..., 0, 0]) < 0.1 * abs(step[..., 1, 1])


@pytest.mark.convert
def test_heads_and_scales_take_shorter_steps_and_scales_do_not_decay() -> None:
    """Kernels of convolutions are Muon's; the first step of Adam's part is its rate long."""
    import keras  # noqa: PLC0415

    from converters.training import fitting  # noqa: PLC0415

    samples = feed.fer_samples(some_faces(16), label_share=0.8, balance=0.2)
    plan = feed.Plan(2, 2, 0.1, strength=1.0, mixup=0.0, dropout=0.0)
    model = fitting.compiled(fitting.Recipe(batch=8), fitting.Stage("s", samples, plan))
    optimizer, variables = model.optimizer, model.trainable_variables
    optimizer.build(variables)
    kinds: dict[str, set[str]] = {"decays": set(), "adam": set()}
    for variable in variables:
        name = variable.path.split("/")[-1] if len(variable.shape) < 4 else "convolution"
        kinds["decays"] |= {name} if optimizer._use_weight_decay(variable) else set()
        kinds["adam"] |= {name} if optimizer._should_use_adamw(variable) else set()
    assert kinds == {"decays": {"convolution", "kernel"}, "adam": {"kernel", "bias", "gamma", "beta"}}
    shift = model.get_layer("stem_norm").beta
    before = np.array(shift.value)
    optimizer.apply([keras.ops.ones(variable.shape) for variable in variables], variables)
    first_rate = 0.05 * plan.rate  # where the warm-up begins
    np.testing.assert_allclose(before - np.array(shift.value), first_rate * fitting.ADAM_RATE, rtol=1e-3)


@pytest.mark.convert
def test_first_weights_see_gray_as_dlib_sees_its_colors() -> None:
    """The stem, folded and on one channel, answers as dlib's on three equal ones."""
    from converters import dlib_file, dlib_resnet  # noqa: PLC0415
    from converters.training import first_weights, network  # noqa: PLC0415

    model = network.training_model(0.0)
    first_weights.from_dlib(model, dlib_resnet.installed_file(), pictures(4)[..., None].astype(np.float32))
    kernel, bias = network.folded_convolutions(model)["stem"]
    net = dlib_file.read(dlib_resnet.installed_file())
    stem, affine = (next(layer for layer in net.layers if layer.kind == kind) for kind in ("con_4", "affine_"))
    gray = np.random.default_rng(1).integers(0, 256, (7, 7, 1)).astype(np.float32)
    theirs = (((gray - np.array(net.mean)) / 256)[..., None] * stem.kernel).sum(axis=(0, 1, 2)) + stem.bias
    ours = ((gray / network.HALF_RANGE - 1)[..., None] * kernel).sum(axis=(0, 1, 2)) + bias
    np.testing.assert_allclose(ours, theirs * affine.kernel + affine.bias, rtol=1e-3, atol=1e-4)


@pytest.mark.convert
def test_the_fast_normalization_does_what_keras_own_does() -> None:
    """Output, gradient of the scale, and the statistics kept."""
    import keras  # noqa: PLC0415
    import tensorflow as tf  # noqa: PLC0415

    from converters.training import network  # noqa: PLC0415

    maps = tf.constant(np.random.default_rng(0).normal(3, 2, (8, 9, 9, 4)), tf.float32)
    seen = []
    for kind in (network.Normalization, keras.layers.BatchNormalization):
        layer = kind(momentum=0.5)
        layer.build(maps.shape)
        with tf.GradientTape() as tape:
            out = layer(maps, training=True)
            total = tf.reduce_sum(out**3)
        seen.append([out, tape.gradient(total, layer.gamma.value), layer.moving_mean.value])
        layer_variance = np.asarray(layer.moving_variance.value)
        seen[-1].append(layer_variance)
    for fast, own in zip(*seen, strict=True):
        np.testing.assert_allclose(fast, own, rtol=5e-3, atol=1e-4)  # TensorFlow's variance is over n − 1 of 648


@pytest.mark.convert
def test_a_step_of_the_optimizer_is_as_long_in_every_direction() -> None:
    """A gradient 100 times stronger in one channel than in another moves both kernels as far."""
    import keras  # noqa: PLC0415

    from converters.training.muon import ConvolutionMuon  # noqa: PLC0415

    draw = np.random.default_rng(0)
    kernel = keras.Variable(np.zeros((3, 3, 2, 4), np.float32), name="kernel")
    bias = keras.Variable(np.zeros(4, np.float32), name="bias")
    optimizer = ConvolutionMuon(0.01, weight_decay=0.0, adam_weight_decay=0.0)
    gradient = draw.normal(size=(3, 3, 2, 4)).astype(np.float32) * np.array([1, 1e-2, 1, 1], np.float32)
    optimizer.apply([keras.ops.array(gradient), keras.ops.ones(4)], [kernel, bias])
    moved = np.linalg.norm(np.asarray(kernel.value).reshape(-1, 4), axis=0)
    assert moved.max() < 2 * moved.min()
    assert (np.sign(np.asarray(kernel.value)[..., 1]) == -np.sign(gradient[..., 1])).mean() > 0.8
    np.testing.assert_allclose(bias.value, -0.01, rtol=1e-3)


@pytest.mark.convert
def test_shipped_network_answers_as_the_trained_one() -> None:
    """Front, scaling and heads are folded without a change: 224 px gray in, the blend's softmax out."""
    import keras  # noqa: PLC0415

    from converters.training import network  # noqa: PLC0415

    keras.utils.set_random_seed(0)
    trained = network.training_model(0.0)
    spread_statistics(trained)
    shipped = network.shipped(trained, votes_share=0.0, temperature=2.0, tired_bonus=0.5)
    assert shipped.input_shape == (None, CROP_PX, CROP_PX, 1)
    images = pictures(4)
    crops = np.stack([np.kron(image, np.ones((5, 5)))[8:232, 8:232] for image in images])[..., None]
    halved = crops.reshape(4, TRUNK_PX, 2, TRUNK_PX, 2, 1).mean(axis=(2, 4))
    logits = np.array(trained.predict(halved, verbose=0)["label"])
    logits[:, TIRED] += 0.5
    expected = calibration.softmax(logits / 2)
    np.testing.assert_allclose(shipped.predict(crops, verbose=0), expected, atol=1e-5)  # float32 sums of 49 products
    assert expected.shape[1] == len(LABELS)


@pytest.mark.convert
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras 3.15 on numpy 2.4
def test_training_goes_on_after_a_break(tmp_path: Path) -> None:
    """One epoch, a break, another, a larger one: the optimizer's steps are counted on, and the log has both."""
    from converters.training import fitting  # noqa: PLC0415

    samples = feed.fer_samples(some_faces(16), label_share=0.8, balance=0.2)
    plan = feed.Plan(3, 3, 1e-4, strength=1.0, mixup=1.0, dropout=0.1, sizes_px=(48, 48, 64))
    recipe = fitting.Recipe(batch=8)
    first = fitting.Stage("s", samples, feed.Plan(**{**vars(plan), "epochs": 1}))
    fitting.run(first, recipe, some_faces(7, seed=9), tmp_path, start=lambda _: None, resume=False)
    model = fitting.run(
        fitting.Stage("s", samples, plan), recipe, some_faces(7, seed=9), tmp_path, start=lambda _: None, resume=True
    )
    assert int(model.optimizer.iterations) == 3 * len(samples) // 8
    lines = [json.loads(line) for line in (tmp_path / "s" / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]


@pytest.mark.convert
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras 3.15 on numpy 2.4
def test_training_that_explodes_ends_with_an_error(tmp_path: Path) -> None:
    """A rate beyond reason: one line that says what to do, and no files that --resume would go on from."""
    from converters.training import fitting  # noqa: PLC0415

    samples = feed.fer_samples(some_faces(16), label_share=0.8, balance=0.2)
    stage = fitting.Stage("s", samples, feed.Plan(3, 3, 1e30, strength=1.0, mixup=0.0, dropout=0.0))
    with pytest.raises(ConversionError, match="loss rose"):
        fitting.run(stage, fitting.Recipe(batch=4), some_faces(7), tmp_path, start=lambda _: None, resume=False)
    assert not (tmp_path / "s" / "epoch.json").exists()


@pytest.mark.convert
def test_a_loss_that_creeps_up_ends_the_training(tmp_path: Path) -> None:
    """Mixed faces and larger pictures make it rise a little; a third more than the lowest is no accident."""
    from converters.training import fitting  # noqa: PLC0415

    watch = fitting.Watch(tmp_path, some_faces(7), feed.Plan(9, 9, 1e-3, strength=1.0, mixup=0.0, dropout=0.0))
    for epoch, loss in enumerate((1.5, 1.4, 1.51)):
        watch._check(loss, epoch)
    for loss in (1.4 * 1.34, float("nan"), float("inf")):
        with pytest.raises(ConversionError, match="in epoch 4"):
            watch._check(loss, 3)


@pytest.mark.convert
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras 3.15 on numpy 2.4
@pytest.mark.filterwarnings("ignore:Skipping nested container:UserWarning")  # by Keras before it refuses
@pytest.mark.parametrize(
    "damage", ["weights of another network", "weights cut off", "state cut off", "state missing", "log cut off"]
)
def test_what_training_cannot_go_on_from_is_refused(damage: str, tmp_path: Path) -> None:
    """One line with the file's name, whatever Keras or numpy would raise."""
    import keras  # noqa: PLC0415

    from converters.training import fitting  # noqa: PLC0415

    samples = feed.fer_samples(some_faces(16), label_share=0.8, balance=0.2)
    stage = fitting.Stage("s", samples, feed.Plan(1, 1, 1e-4, strength=1.0, mixup=0.0, dropout=0.0, sizes_px=(48,)))
    recipe = fitting.Recipe(batch=8)
    fitting.run(stage, recipe, some_faces(7), tmp_path, start=lambda _: None, resume=False)
    weights, state = (tmp_path / "s" / name for name in ("last.weights.h5", "last.npz"))
    if damage == "weights of another network":
        other = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
        other.save_weights(weights)
    elif damage == "state missing":
        state.unlink()
    elif damage == "log cut off":
        log = tmp_path / "s" / "log.jsonl"
        log.write_bytes(log.read_bytes()[:30])
    else:
        path = weights if damage.startswith("weights") else state
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(SourceError, match=r"(last\.(weights\.h5|npz)|log\.jsonl): .*without --resume") as refused:
        fitting.run(stage, recipe, some_faces(7), tmp_path, start=lambda _: None, resume=True)
    assert "\n" not in str(refused.value)


@pytest.mark.convert
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras 3.15 on numpy 2.4
def test_a_break_between_two_sizes_changes_nothing(tmp_path: Path) -> None:
    """Keras goes on from the averages when a fit ends, so a run that is gone on with must, too."""
    from converters.training import fitting, network  # noqa: PLC0415

    samples = feed.fer_samples(some_faces(16), label_share=0.8, balance=0.2)
    plan = feed.Plan(3, 3, 0.1, strength=1.0, mixup=0.0, dropout=0.0, sizes_px=(48, 48, 64))
    recipe = fitting.Recipe(batch=16)  # one step: Keras draws the order of batches anew
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    fitting.run(fitting.Stage("s", samples, plan), recipe, some_faces(7), whole, start=lambda _: None, resume=False)
    first = fitting.Stage("s", samples, replace(plan, epochs=2, sizes_px=(48,)))
    fitting.run(first, recipe, some_faces(7), halves, start=lambda _: None, resume=False)
    with (halves / "s" / "log.jsonl").open("a") as log:
        log.write('{"epoch": 3, "loss": 0.1}\n')  # of an epoch that broke off before it was finished
    fitting.run(fitting.Stage("s", samples, plan), recipe, some_faces(7), halves, start=lambda _: None, resume=True)
    assert len((halves / "s" / "log.jsonl").read_text().splitlines()) == 3
    models = [network.training_model(0.0) for _ in range(2)]
    for model, folder in zip(models, (whole, halves), strict=True):
        network.load_weights(model, folder / "s" / "last.weights.h5")
    for one, other in zip(*(model.trainable_weights for model in models), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


class Indifferent:
    """A network that finds every feeling as likely, whatever it is shown."""

    def predict(self, pixels: np.ndarray, **_: object) -> dict[str, np.ndarray]:
        """Zeros for logits."""
        return {"label": np.zeros((len(pixels), 8), np.float32), "votes": np.zeros((len(pixels), 7), np.float32)}


@pytest.mark.convert
def test_an_elder_s_answer_tempers_the_label() -> None:
    """Of a sure label 0.6 stays, the rest is spread as the elder says, and nothing falls on tired."""
    from converters.training import sources  # noqa: PLC0415

    samples = feed.fer_samples(some_faces(7), label_share=1.0, balance=0.0)
    mixed = sources.with_opinion(samples, [Indifferent()], 0.4)
    expected = np.pad(0.6 * np.eye(7) + 0.4 / 7, ((0, 0), (0, 1)))
    np.testing.assert_allclose(mixed.label, expected, atol=1e-6)
    np.testing.assert_allclose(mixed.votes, expected[:, :7], atol=1e-6)


@pytest.mark.convert
@pytest.mark.parametrize(
    ("elders", "first_asked", "last_asked"), [((), "base", "student"), (("a", "b"), "a b", "a b student")]
)
def test_each_stage_learns_from_those_before(
    elders: tuple[str, ...], first_asked: str, last_asked: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """base → student → final; who asks whom, with nothing really trained."""
    from converters.training import emotion, fitting, sources  # noqa: PLC0415

    asked: list[tuple[str, str, object]] = []
    trained: list[str] = []

    def run(stage: fitting.Stage, *_: object, **__: object) -> str:
        trained.append(stage.name)
        return stage.name

    def opinion(samples: feed.Samples, models: list[str], share: float) -> feed.Samples:
        asked.append(("opinion", " ".join(models), share))
        return samples

    def told_tired(models: list[str], *_: object) -> feed.Samples:
        asked.append(("tired", " ".join(models), None))
        return feed.fer_samples(some_faces(7), label_share=1.0, balance=0.0)

    monkeypatch.setattr(emotion, "_elder", lambda path: path.name)
    monkeypatch.setattr(fitting, "run", run)
    monkeypatch.setattr(sources, "with_opinion", opinion)
    monkeypatch.setattr(sources, "tired_samples", told_tired)
    (tmp_path / "fer2013").mkdir()
    write_split(tmp_path / "fer2013" / "train.npz", 70)
    write_split(tmp_path / "fer2013" / "valid.npz", 7)
    recipe = fitting.Recipe()
    emotion.train(recipe, sources.Folders(tmp_path, tmp_path, tmp_path), [Path(name) for name in elders], resume=False)
    assert trained == ["base", "student", "final"]
    assert asked == [
        ("opinion", first_asked, recipe.student.opinion),
        ("tired", first_asked, None),
        ("opinion", last_asked, recipe.final.opinion),
        ("tired", last_asked, None),
    ]


@pytest.mark.convert
def test_an_elder_is_the_network_that_was_kept(tmp_path: Path) -> None:
    """All its weights, those of the normalization too."""
    from converters.training import emotion, network  # noqa: PLC0415

    kept = network.training_model(0.2)
    spread_statistics(kept)
    kept.save_weights(tmp_path / "averaged.weights.h5")
    again = emotion._elder(tmp_path / "averaged.weights.h5")
    for one, other in zip(kept.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.convert
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras 3.15 on numpy 2.4
def test_a_missing_elder_is_told_before_anything_is_trained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not after the hours of the first stage; one line that names the file."""
    from converters.training import emotion  # noqa: PLC0415

    arguments = ["--data", str(tmp_path), "--out", str(tmp_path), "--elders", str(tmp_path / "gone.weights.h5")]
    assert emotion.main(arguments) == SourceError.exit_code
    told = capsys.readouterr().err
    assert "gone.weights.h5" in told
    assert told.count("\n") == 1


@pytest.mark.convert
def test_several_elders_answer_with_their_mean() -> None:
    """One is sure of the first feeling, one finds all as likely: the target lies between."""
    from converters.training import sources  # noqa: PLC0415

    class Sure(Indifferent):
        def predict(self, pixels: np.ndarray, **_: object) -> dict[str, np.ndarray]:
            logits = super().predict(pixels)
            return {name: values + 50 * (np.arange(values.shape[1]) == 0) for name, values in logits.items()}

    label, votes = sources.opinions([Sure(), Indifferent()], list(pictures(2)))
    expected = 0.5 * (np.arange(7) == 0) + 0.5 / 7
    np.testing.assert_allclose(label, [[*expected, 0]] * 2, atol=1e-6)
    np.testing.assert_allclose(votes, [expected] * 2, atol=1e-6)


@pytest.mark.convert
def test_tired_is_helped_only_as_far_as_yawns_need_it() -> None:
    """Yawns 2 behind ask for 2; where the awake are only 1 behind, they set the limit; found yawns ask for nothing."""
    from converters.training import export  # noqa: PLC0415

    def behind(gap: float) -> np.ndarray:
        """100 faces whose tired is `gap` below their best label."""
        return np.pad(np.full((100, 7), gap, np.float32), ((0, 0), (0, 1)))

    far, near = behind(9), behind(1)
    assert export.tired_bonus(far, far, behind(2)) == pytest.approx(2)
    assert export.tired_bonus(far, near, behind(2)) == pytest.approx(1)
    assert export.tired_bonus(near, far, behind(2)) == pytest.approx(1)
    assert export.tired_bonus(far, far, behind(-3)) == 0


@pytest.mark.convert
def test_the_report_counts_what_is_tired() -> None:
    """Two drivers: one of two yawns found, one of two that are awake taken for tired."""
    from converters.training import evaluate, tired  # noqa: PLC0415

    drivers = tired.Drivers(
        np.zeros((4, 2, 2), np.uint8),
        np.array([True, True, False, False]),
        np.array(["a", "b", "a", "b"]),
        np.array(["1", "2", "3", "4"]),
    )
    logits = np.zeros((4, len(LABELS)), np.float32)
    logits[[0, 3], TIRED] = 9
    report = evaluate.tired_report(logits, drivers)
    assert (report["drivers"], report["recall"], report["false_positives"]) == (2, 0.5, 0.5)
    assert report["by_driver"]["a"] == {"yawning": 1, "found": 1, "awake": 1, "false": 0}


@pytest.mark.convert
def test_the_report_masks_tired_and_counts_it_apart() -> None:
    """A face that is tired before all counts for its best basic label, and once as falsely tired."""
    from converters.training import evaluate  # noqa: PLC0415

    shown = some_faces(14)
    logits = np.pad(5 * np.eye(7)[shown.label7], ((0, 0), (0, 1)))
    logits[0, TIRED] = 9
    logits[1] = np.roll(logits[1], 1)  # one wrong
    report = evaluate.basic_report(logits.astype(np.float32), shown)
    assert report["accuracy"] == round(13 / 14, 4)
    assert report["ferplus_accuracy"] == round(13 / 14, 4)
    assert report["false_tired"] == round(1 / 14, 4)
    assert report["confusion"][1][2] == 1
