"""Reading `full_inputs.pkl`: what is not ours is refused."""

import dataclasses

import numpy as np
import pytest
from feature_settings import NESTED, NONSENSE

from audio.mfcc import DEFAULT_FEATURES
from batcher.inputs import InputsError, load_inputs
from batcher.restricted_pickle import read_records, write_record


def write_all(path, records):
    with open(path, "wb") as file:
        for record in records:
            write_record(file, record)
    return path


@pytest.fixture(scope="session")
def records(tiny_inputs_path):
    """Header, utterances, footer; a test changes copies."""
    return list(read_records(tiny_inputs_path))


def test_a_file_cut_short_anywhere_is_refused(tmp_path, tiny_inputs_path):
    whole = tiny_inputs_path.read_bytes()
    for length in [*range(0, 400, 7), *np.linspace(400, len(whole) - 1, 40).astype(int)]:
        (tmp_path / "cut.pkl").write_bytes(whole[:length])
        with pytest.raises(InputsError, match="make it again"):
            load_inputs(tmp_path / "cut.pkl")


def test_a_file_that_ends_after_a_whole_record_is_refused(tmp_path, records):
    for count in range(len(records)):
        with pytest.raises(InputsError):
            load_inputs(write_all(tmp_path / "cut.pkl", records[:count]))


@pytest.mark.parametrize("content", [b"", b"text\n", b"PK\x03\x04" * 50, b"cos\nsystem\n(S'true'\ntR."])
def test_foreign_files_are_refused(tmp_path, content):
    (tmp_path / "foreign.pkl").write_bytes(content)
    with pytest.raises(InputsError, match="Nothing in it was run"):
        load_inputs(tmp_path / "foreign.pkl")


def test_a_missing_file_says_how_to_make_it(tmp_path):
    for path in (tmp_path / "missing.pkl", tmp_path):
        with pytest.raises(InputsError, match="--generate_training_inputs"):
            load_inputs(path)


def test_the_records_as_they_are_are_read(tmp_path, records, tiny_inputs):
    inputs = load_inputs(write_all(tmp_path / "same.pkl", records))
    assert inputs.speakers == tiny_inputs.speakers == ("corpus/p225", "corpus/p226")
    assert inputs.held_out == ("p362",)
    assert inputs.cache_sha256 == records[0]["cache_sha256"]
    np.testing.assert_array_equal(inputs.mean, records[-1]["mean"])
    np.testing.assert_array_equal(inputs.deviation, records[-1]["deviation"])
    for name, side in (("train", inputs.train), ("test", inputs.test)):
        own = [record for record in records[1:-1] if record["side"] == name]
        np.testing.assert_array_equal(side.log_mel, np.concatenate([record["log_mel"] for record in own]))
        assert side.lengths.tolist() == [len(record["log_mel"]) for record in own]
        assert side.starts.tolist() == [0, *side.lengths.cumsum()[:-1]]
        assert [inputs.speakers[label] for label in side.labels] == [f"corpus/{record['speaker']}" for record in own]


WRONG_LOG_MEL = r"expected float16 log mel values \(frames, 33\)"


@pytest.mark.parametrize("place, change, message", [
    (0, {"format": "deep-speaker-inputs-0"}, "it is not of the format deep-speaker-inputs-6"),
    (0, {"features": {"unknown": 1}}, "unknown"),
    (0, {"features": {"num_cepstra": 5}}, r"expected finite float32 statistics \(15,\). Received float32 \(60,\)"),
    (0, {"speakers": ["corpus/p225"]}, "'corpus/p226'"),
    (0, {"utterances": 11}, "'copy'"),
    (0, {"copies": -1}, "expected no negative number of copies"),
    (0, {"copies": "2"}, "expected a int. Received a str"),
    (0, {"copies": 1}, "expected copy 1 of an utterance. Received another"),
    (1, {"copy": 1}, "expected copy 0 of an utterance. Received another"),
    (1, {"copy": NESTED}, "expected a int. Received a tuple"),
    (0, {"utterances": "10"}, "expected a int. Received a str"),
    (0, {"utterances": 0}, "'mean'"),
    (0, {"utterances": None}, "expected a int. Received a NoneType"),
    (0, {"speakers": "p225"}, "expected a list. Received a str"),
    (0, {"speakers": [225, 226]}, "expected a str. Received a int"),
    (0, {"speakers": ["corpus/p225", "corpus/p226", "corpus/p225"]}, "speakers names someone twice"),
    (0, {"held_out": [None]}, "expected a str. Received a NoneType"),
    (0, {"held_out": ["p362", "p362"]}, "held_out names someone twice"),
    (0, {"held_out": NESTED}, "expected a list. Received a tuple"),
    (0, {"cache_sha256": None}, "expected a str. Received a NoneType"),
    (0, {"features": {"num_cepstra": NESTED}}, "expected"),
    (0, {"features": {"sample_rate": "8000"}}, "expected"),
    (1, {"side": "validation"}, "'validation'"),
    (1, {"side": NESTED}, "expected a str. Received a tuple"),
    (1, {"speaker": NESTED}, "expected a str. Received a tuple"),
    (1, {"speaker": ["p225"]}, "expected a str. Received a list"),
    (1, {"corpus": NESTED}, "expected a str. Received a tuple"),
    (1, {"log_mel": "frames"}, "expected a ndarray. Received a str"),
    (1, {"log_mel": np.zeros((5, 32), np.float16)}, WRONG_LOG_MEL),
    (1, {"log_mel": np.full((5, 33), np.nan, np.float16)}, "log mel values that are NaN or infinite"),
    (1, {"log_mel": np.full((5, 33), np.inf, np.float16)}, "log mel values that are NaN or infinite"),
    (1, {"log_mel": np.zeros((5, 33), np.float32)}, WRONG_LOG_MEL),
    (1, {"log_mel": np.zeros((0, 33), np.float16)}, WRONG_LOG_MEL),
])  # fmt: skip
def test_records_that_do_not_fit_are_refused_with_the_reason(tmp_path, records, place, change, message):
    changed = [*records]
    changed[place] = {**records[place], **change}
    with pytest.raises(InputsError, match=f"is not usable as training inputs: .*{message}"):
        load_inputs(write_all(tmp_path / "changed.pkl", changed))


def with_copies(records: list, copies: int) -> list:
    """The same inputs, each training utterance followed by copies that are a frame longer than the one before."""
    made = [{**records[0], "copies": copies}]
    for record in records[1:-1]:
        for copy in range(1 + (copies if record["side"] == "train" else 0)):
            log_mel = np.concatenate([record["log_mel"], np.full((copy, 33), copy, np.float16)])
            made.append({**record, "copy": copy, "log_mel": log_mel})
    return [*made, records[-1]]


def test_copies_stand_beside_the_utterances_that_train(tmp_path, records, tiny_inputs):
    inputs = load_inputs(write_all(tmp_path / "copied.pkl", with_copies(records, 3)))
    plain = tiny_inputs.train
    np.testing.assert_array_equal(inputs.train.labels, plain.labels)
    np.testing.assert_array_equal(inputs.train.lengths, plain.lengths)
    np.testing.assert_array_equal(inputs.train.copy_lengths, plain.lengths + np.array([[1], [2], [3]]))
    for number, (start, length) in enumerate(zip(plain.starts, plain.lengths)):
        expected = plain.log_mel[start : start + length]
        for copy, begin in enumerate([inputs.train.starts[number], *inputs.train.copy_starts[:, number]]):
            np.testing.assert_array_equal(inputs.train.log_mel[begin : begin + length], expected)
            assert (inputs.train.log_mel[begin + length : begin + length + copy] == copy).all()
    np.testing.assert_array_equal(inputs.test.log_mel, tiny_inputs.test.log_mel)
    assert inputs.test.copy_starts.shape == (0, 2)


@pytest.mark.parametrize("change", [{"speaker": "p226"}, {"side": "test"}])
def test_a_copy_of_somebody_elses_utterance_is_refused(tmp_path, records, change):
    copied = with_copies(records, 1)
    copied[2] = {**copied[2], **change}
    with pytest.raises(InputsError, match="a copy of another utterance than the one before"):
        load_inputs(write_all(tmp_path / "changed.pkl", copied))


def test_inputs_of_which_nothing_trains_are_refused(tmp_path, records):
    tests = [{**record, "side": "test"} for record in records[1:-1]]
    with pytest.raises(InputsError, match="it holds no training utterances"):
        load_inputs(write_all(tmp_path / "changed.pkl", [records[0], *tests, records[-1]]))


@pytest.mark.parametrize("settings", [*NONSENSE, {"num_filters": NESTED}], ids=lambda settings: str([*settings]))
def test_feature_settings_without_sense_are_refused_in_a_line(tmp_path, records, settings):
    header = {**records[0], "features": {**dataclasses.asdict(DEFAULT_FEATURES), **settings}}
    with pytest.raises(InputsError, match=r"^[^\n]* expected [^\n]*\. Received [^\n]*$"):
        load_inputs(write_all(tmp_path / "changed.pkl", [header, *records[1:]]))


FOOTERS = {
    "text": {"mean": "0", "deviation": None},
    "too short": {"mean": np.zeros(5, np.float32), "deviation": np.ones(5, np.float32)},
    "not finite": {"mean": np.full(60, np.nan, np.float32), "deviation": np.ones(60, np.float32)},
    "float64": {"mean": np.zeros(60), "deviation": np.ones(60)},
    "zero deviation": {"mean": np.zeros(60, np.float32), "deviation": np.append(np.ones(59), 0).astype(np.float32)},
}


@pytest.mark.parametrize("name", FOOTERS)
def test_a_footer_without_statistics_is_refused(tmp_path, records, name):
    message = {"text": "expected a ndarray", "zero deviation": "expected deviations above zero"}
    with pytest.raises(InputsError, match=message.get(name, r"expected finite float32 statistics \(60,\)")):
        load_inputs(write_all(tmp_path / "changed.pkl", [*records[:-1], FOOTERS[name]]))


def test_what_follows_the_footer_is_refused(tmp_path, records):
    with pytest.raises(InputsError, match="something follows its last record"):
        load_inputs(write_all(tmp_path / "changed.pkl", [*records, records[1]]))


def test_an_empty_file_is_said_to_be_cut_short(tmp_path):
    (tmp_path / "empty.pkl").touch()
    with pytest.raises(InputsError, match="cut short"):
        load_inputs(tmp_path / "empty.pkl")
