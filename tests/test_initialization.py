"""Where a run starts."""

import dataclasses
import logging

import keras
import numpy as np
import pytest
import tiny
from feature_settings import NONSENSE

from audio.feature_settings import DEFAULT_FEATURES
from models.checkpoint import CheckpointError, save_checkpoint
from models.onnx_file import BUNDLED_CHECKPOINT
from training.head import mean_directions
from training.initialization import StartError, build_start, find_origin, load_origin, run_identity, trained_speakers
from training.run_folder import RunFolder

INPUTS = tiny.inputs()


@pytest.fixture(autouse=True)
def small(monkeypatch):
    keras.utils.clear_session()
    tiny.shrink_training(monkeypatch)


def touch(folder, stage):
    path = RunFolder(folder / "runs" / stage).last
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def origin(inputs=INPUTS, **description):
    """A checkpoint with a network of other weights than a fresh one's."""
    keras.utils.set_random_seed(99)
    made = tiny.state(speakers=len(inputs.speakers))
    about = {
        "stage": "softmax",
        "step": 8,
        "finished": True,
        "network": made.options.as_json(),
        "features": dataclasses.asdict(inputs.feature_settings),
        "trained_on": ["eve"],
    }
    arrays = {name: value.copy() for name, value in made.arrays().items()}
    keras.utils.clear_session()
    return tiny.checkpoint({**about, **description}, arrays)


@pytest.mark.parametrize(
    ("stage", "there", "expected"),
    [
        ("softmax", (), None),
        ("softmax", ("softmax", "triplet"), None),
        ("softmax_fine", ("softmax", "triplet"), "softmax"),
        ("triplet", ("softmax", "softmax_fine"), "softmax_fine"),
        ("softmax_frozen", ("softmax", "softmax_fine"), "softmax_fine"),
        ("adapted", ("softmax", "triplet"), "bundled"),
        ("triplet", ("softmax",), "softmax"),
        ("triplet", ("softmax_frozen",), None),
        ("softmax_frozen", ("softmax",), "softmax"),
        ("softmax_frozen", ("softmax", "triplet"), "triplet"),
    ],
)
def test_a_stage_starts_from_the_last_checkpoint_of_the_one_before(tmp_path, stage, there, expected):
    paths = {name: touch(tmp_path, name) for name in there}
    found = find_origin(tiny.training_options(tmp_path, stage))
    assert found == {None: None, "bundled": BUNDLED_CHECKPOINT, **paths}[expected]


def test_a_named_checkpoint_comes_first(tmp_path):
    touch(tmp_path, "softmax")
    named = tmp_path / "other.npz"
    assert find_origin(tiny.training_options(tmp_path, "triplet", checkpoint=named)) == named


def test_from_scratch_starts_from_nothing(tmp_path):
    touch(tmp_path, "softmax")
    assert find_origin(tiny.training_options(tmp_path, "triplet", from_scratch=True)) is None


@pytest.mark.parametrize(
    ("stage", "what"), [("softmax_frozen", "embeddings to freeze"), ("softmax_fine", "softmax stage to go on from")]
)
def test_nothing_to_go_on_from_is_an_error(tmp_path, stage, what):
    with pytest.raises(StartError, match=rf"there is no {what} in .*runs; train it with --loss_on_softmax first"):
        find_origin(tiny.training_options(tmp_path, stage))


def test_triplets_from_random_weights_are_warned_of(tmp_path, caplog):
    find_origin(tiny.training_options(tmp_path, "triplet"))
    assert "random weights" in caplog.text


def test_what_makes_two_runs_one(tmp_path):
    options = tiny.training_options(tmp_path, "softmax")
    identity = run_identity(options, None)
    moved = tmp_path / "copy.pkl"
    moved.write_bytes(options.data_filename.read_bytes())
    same = {"max_epochs": 9, "max_steps": 3, "patience": 1, "data_filename": moved, "run_dir": tmp_path / "elsewhere"}
    assert run_identity(dataclasses.replace(options, **same), None) == identity
    for change in ({"seed": 1}, {"batch_size": 4}, {"learning_rate": 1e-5}, {"softmax_margin": 0.3}):
        assert run_identity(dataclasses.replace(options, **change), None) != identity
    assert run_identity(options, options.data_filename) != identity
    tiny.write_inputs(options.data_filename, tiny.inputs(seed=1))
    assert run_identity(options, None) != identity


@pytest.mark.parametrize("stage, change", [("softmax", {"margin": 0.3}), ("triplet", {"softmax_margin": 0.3})])
def test_what_a_stage_does_not_use_makes_no_other_run(tmp_path, stage, change):
    options = tiny.training_options(tmp_path, stage)
    assert run_identity(dataclasses.replace(options, **change), None) == run_identity(options, None)


def test_an_origin_that_is_missing_is_told(tmp_path):
    options = tiny.training_options(tmp_path, "triplet", checkpoint=tmp_path / "none.npz")
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*none\.npz"):
        run_identity(options, options.checkpoint)


def test_an_unfinished_origin_is_warned_of(tmp_path, caplog):
    assert load_origin(None) is None
    for finished in (True, False):
        save_checkpoint(tmp_path / "a.npz", origin(finished=finished))
        with caplog.at_level(logging.WARNING):
            load_origin(tmp_path / "a.npz")
        assert ("not finished" in caplog.text) is not finished


def weights(state):
    return {v.path: v.numpy() for v in state.embedder.variables if "seed_generator" not in v.path}


def test_fresh_weights_follow_the_seed(tmp_path):
    built = []
    for seed in (0, 0, 1):
        keras.utils.clear_session()
        state = build_start(tiny.training_options(tmp_path, "softmax", seed=seed), INPUTS, None)
        built.append(state.embedder.get_layer("conv_1").get_weights()[0])
    assert (built[0] == built[1]).all()
    assert (built[0] != built[2]).any()


def test_a_fresh_network_normalises_with_the_training_frames(tmp_path):
    state = build_start(tiny.training_options(tmp_path, "softmax"), INPUTS, None)
    assert all((a == b).all() for a, b in zip(state.normalization, (INPUTS.mean, INPUTS.deviation)))


def test_the_embedder_and_its_scale_are_taken_over(tmp_path):
    start = origin()
    state = build_start(tiny.training_options(tmp_path, "triplet"), INPUTS, start)
    assert state.head is None
    for path, array in weights(state).items():
        np.testing.assert_array_equal(array, start.arrays[f"embedder/{path}"])
    assert (state.normalization[0] == start.arrays["normalization/mean"]).all()


def test_a_head_of_other_speakers_is_no_obstacle(tmp_path):
    more = tiny.inputs(speakers=("ann", "fay", "gus", "hal", "ivy", "jon"))
    state = build_start(tiny.training_options(tmp_path, "softmax"), more, origin())
    assert state.head.output_shape == (None, 6)


@pytest.mark.parametrize(("stage", "classes"), [("softmax", 4 * 5), ("softmax_frozen", 4)])
def test_the_softmax_tells_every_speaker_at_every_speed_apart(tmp_path, stage, classes):
    state = build_start(tiny.training_options(tmp_path, stage, augmentation=True), INPUTS, origin())
    assert state.head.output_shape == (None, classes)


def with_head(speeds, **description):
    """An origin whose head has a recognisable column for each speaker at each speed."""
    about = {"speakers": list(INPUTS.speakers), "speeds": list(speeds), **description}
    made = origin(**about)
    columns = np.tile(np.arange(4 * len(speeds), dtype=np.float32), (8, 1))
    return dataclasses.replace(made, arrays={**made.arrays, "head/speaker_cosines/kernel": columns})


@pytest.mark.parametrize("stage", ["softmax", "softmax_fine"])
def test_the_head_is_kept_for_the_speakers_and_speeds_that_it_knows(tmp_path, stage):
    start = with_head((1.0, 0.9, 1.1), run={"softmax_margin": 0.15})
    options = tiny.training_options(tmp_path, stage, augmentation=True, speeds=(1.0, 1.1), softmax_margin=0.4)
    state = build_start(options, INPUTS, start)
    np.testing.assert_array_equal(state.head.get_weights()[0][0], [0, 1, 2, 3, 8, 9, 10, 11])
    np.testing.assert_array_equal(state.result_head.get_weights()[0], state.head.get_weights()[0])
    assert state.first_margin == 0.15


def test_the_head_is_kept_by_names_whatever_their_order(tmp_path):
    start = with_head((1.0,), speakers=[*reversed(INPUTS.speakers)])
    state = build_start(tiny.training_options(tmp_path, "softmax_fine"), INPUTS, start)
    np.testing.assert_array_equal(state.head.get_weights()[0][0], [3, 2, 1, 0])


@pytest.mark.parametrize(
    ("start", "options"),
    [
        ({"speakers": ["ann", "bob", "cid", "zed"]}, {}),
        ({}, {"augmentation": True, "speeds": (1.0, 1.2)}),
        ({"speakers": ["ann"]}, {}),  # the description of another head
        ({}, {"stage": "softmax_frozen"}),
    ],
)
def test_a_new_head_is_made_for_others_and_over_a_frozen_embedder(tmp_path, start, options):
    options = {"stage": "softmax_fine", **options}
    state = build_start(tiny.training_options(tmp_path, **options), INPUTS, with_head((1.0, 0.9), **start))
    assert np.abs(state.head.get_weights()[0]).max() < 1
    assert state.first_margin == 0


def test_a_checkpoint_without_speeds_has_no_head_to_keep(tmp_path):
    """Those of version 2.0 do not say which speeds their heads tell apart."""
    state = build_start(tiny.training_options(tmp_path, "softmax_fine"), INPUTS, origin(speakers=list(INPUTS.speakers)))
    assert state.first_margin == 0


def test_a_frozen_embedder_has_nothing_to_train(tmp_path):
    state = build_start(tiny.training_options(tmp_path, "softmax_frozen"), INPUTS, origin())
    assert not state.embedder.trainable_variables
    assert [v.path for v in state.trainable_variables] == [v.path for v in state.head.trainable_variables]


def test_adaptation_trains_all_but_batch_normalisation(tmp_path):
    names = {
        v.path for v in build_start(tiny.training_options(tmp_path, "adapted"), INPUTS, origin()).trainable_variables
    }
    assert not any("batch_norm" in name for name in names)
    assert {"conv_1/kernel", "embedding/kernel", "speaker_cosines/kernel"} < names


@pytest.mark.parametrize("speeds", [(1.0,), (1.0, 0.9)])
def test_adaptation_starts_from_the_speakers_embeddings(tmp_path, speeds):
    options = tiny.training_options(tmp_path, "adapted", augmentation=True, speeds=speeds)
    state = build_start(options, INPUTS, origin())
    expected = np.tile(mean_directions(state.embedder, state.options, INPUTS), len(speeds))
    for head in (state.head, state.result_head):
        np.testing.assert_allclose(head.get_weights()[0], expected, atol=1e-6)


def test_one_speaker_alone_is_nobody_to_adapt_to(tmp_path):
    options = tiny.training_options(tmp_path, "adapted")
    with pytest.raises(StartError, match=r"expected 2 speakers or more .* Received 1"):
        build_start(options, tiny.inputs(speakers=("tiny/ann",)), origin())


def test_adaptation_keeps_the_network_as_it_is(tmp_path):
    normalised = {**tiny.TinyNetworkOptions().as_json(), "normalize_embeddings": True}
    state = build_start(tiny.training_options(tmp_path, "adapted"), INPUTS, origin(network=normalised))
    assert state.options.normalize_embeddings
    with pytest.raises(StartError, match=r"make the inputs again with those$"):  # and not from scratch
        other = dataclasses.asdict(dataclasses.replace(tiny.SETTINGS, num_filters=40))
        build_start(tiny.training_options(tmp_path, "adapted"), INPUTS, origin(features=other))


def test_normalisation_of_embeddings_may_change_between_stages(tmp_path):
    state = build_start(tiny.training_options(tmp_path, "triplet", normalize_embeddings=True), INPUTS, origin())
    assert state.options.normalize_embeddings
    assert "l2_normalization" in {layer.name for layer in state.embedder.layers}


def test_the_activation_is_the_checkpoints_unless_named(tmp_path):
    start = origin(network={**tiny.TinyNetworkOptions().as_json(), "embedding_activation": "tanh"})
    assert build_start(tiny.training_options(tmp_path, "triplet"), INPUTS, start).options.embedding_activation == "tanh"
    with pytest.raises(StartError, match="embeddings are tanh, not sigmoid; drop --embedding_activation"):
        build_start(tiny.training_options(tmp_path, "triplet", embedding_activation="sigmoid"), INPUTS, start)


def test_other_features_are_refused(tmp_path):
    other = dataclasses.asdict(dataclasses.replace(tiny.SETTINGS, num_filters=40))
    with pytest.raises(StartError, match="trained on other features"):
        build_start(tiny.training_options(tmp_path, "triplet"), INPUTS, origin(features=other))


def test_another_dither_is_no_other_feature(tmp_path):
    other = dataclasses.asdict(dataclasses.replace(tiny.SETTINGS, dither_seed=5))
    build_start(tiny.training_options(tmp_path, "triplet"), INPUTS, origin(features=other))


def test_feature_settings_without_sense_are_the_checkpoint_s_fault(tmp_path):
    start, usual = origin(), dataclasses.asdict(DEFAULT_FEATURES)
    options = tiny.training_options(tmp_path, "triplet")
    for features in [*({**usual, **changes} for changes in NONSENSE), 5, None, [], {"unknown": 1}]:
        changed = dataclasses.replace(start, description=dataclasses.replace(start.description, features=features))
        with pytest.raises(CheckpointError, match=r"^the checkpoint is of another version of this tool \([^\n]*\)$"):
            build_start(options, INPUTS, changed)


def test_a_checkpoint_of_another_size_is_refused(tmp_path):
    start = origin(network={**tiny.TinyNetworkOptions().as_json(), "gru_units": 9})
    with pytest.raises(CheckpointError, match="does not fit the network"):
        build_start(tiny.training_options(tmp_path, "triplet"), INPUTS, start)


def test_every_speaker_who_trained_so_far_is_remembered():
    ours = ("tiny/ann", "tiny/bob", "tiny/cid", "tiny/dee")
    assert trained_speakers(INPUTS, None) == ours
    assert trained_speakers(INPUTS, origin(trained_on=["other/bob", "tiny/bob"])) == ("other/bob", *ours)
