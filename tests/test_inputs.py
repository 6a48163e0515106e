"""Reading `full_inputs.pkl`: what is not ours is refused."""

import dataclasses
import io

import numpy as np
import pytest
import tiny
from feature_settings import NESTED, NONSENSE

from audio.feature_settings import DEFAULT_FEATURES
from batcher.inputs import InputsError, load_inputs
from batcher.inputs_file import FrameStatistics, InputsHeader, InputsWriter, UtteranceRecord
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
        of_side = [record for record in records[1:-1] if record["side"] == name]
        np.testing.assert_array_equal(side.log_mel, np.concatenate([record["log_mel"] for record in of_side]))
        assert side.lengths.tolist() == [len(record["log_mel"]) for record in of_side]
        assert side.starts.tolist() == [0, *side.lengths.cumsum()[:-1]]
        assert [inputs.speakers[label] for label in side.labels] == [
            f"corpus/{record['speaker']}" for record in of_side
        ]


FEATURES = dataclasses.asdict(DEFAULT_FEATURES)
WRONG_LOG_MEL = r"expected float16 log mel values \(frames, 33\)"


@pytest.mark.parametrize("place, change, message", [
    (0, {"format": "deep-speaker-inputs-0"}, "it is not of the format deep-speaker-inputs-6"),
    (0, {"format": NESTED}, "it is not of the format deep-speaker-inputs-6"),
    (0, {"features": {**FEATURES, "unknown": 1}}, "expected no field 'unknown', which this version does not know"),
    (0, {"features": {"num_cepstra": 5}}, "expected a field 'sample_rate'"),
    (0, {"features": {**FEATURES, "num_cepstra": 5}},
     r"expected finite float32 statistics \(15,\). Received float32 \(60,\)"),
    (0, {"colour": "red"}, "expected no field 'colour', which this version does not know"),
    (0, {"noises_sha256": 5}, "expected noises_sha256 as a text. Received int"),
    (0, {"speakers": ["corpus/p225"]}, "a speaker whom its header names. Received 'corpus/p226'"),
    (0, {"speakers": ["corpus/p225", "corpus/p226", "corpus/p227"]}, "no training utterances of 1 of the 3 speakers"),
    (0, {"utterances": 11}, "expected a field 'corpus'"),
    (0, {"utterances": 9}, "expected a field 'mean'"),
    (0, {"utterances": -1}, "expected utterances from 0 to"),
    (0, {"copies": -1}, "expected copies from 0 to"),
    (0, {"copies": True}, "expected copies as a whole number. Received bool"),
    (0, {"copies": "2"}, "expected copies as a whole number. Received str"),
    (0, {"copies": 1}, "expected copy 1 of an utterance. Received another"),
    (1, {"copy": 1}, "expected copy 0 of an utterance. Received another"),
    (1, {"copy": NESTED}, "expected copy as a whole number. Received tuple"),
    (0, {"utterances": "10"}, "expected utterances as a whole number. Received str"),
    (0, {"utterances": None}, "expected utterances as a whole number. Received NoneType"),
    (0, {"speakers": "p225"}, "expected speakers as a list. Received str"),
    (0, {"speakers": [225, 226]}, "expected every value of speakers as str. Received int"),
    (0, {"speakers": ["corpus/p225", "corpus/p226", "corpus/p225"]}, "speakers names a speaker twice"),
    (0, {"held_out": [None]}, "expected every value of held_out as str. Received NoneType"),
    (0, {"held_out": [NESTED, NESTED]}, "expected every value of held_out as str. Received tuple"),
    (0, {"held_out": ["p362", "p362"]}, "held_out names a speaker twice"),
    (0, {"held_out": NESTED}, "expected held_out as a list. Received tuple"),
    (0, {"cache_sha256": None}, "expected cache_sha256 as a text. Received NoneType"),
    (0, {"features": {**FEATURES, "num_cepstra": NESTED}}, "expected num_cepstra as a whole number. Received tuple"),
    (0, {"features": {**FEATURES, "sample_rate": "8000"}}, "expected sample_rate as a whole number. Received str"),
    (1, {"side": "validation"}, "expected a side of train or test. Received another"),
    (1, {"side": NESTED}, "expected side as a text. Received tuple"),
    (1, {"speaker": NESTED}, "expected speaker as a text. Received tuple"),
    (1, {"speaker": ["p225"]}, "expected speaker as a text. Received list"),
    (1, {"corpus": NESTED}, "expected corpus as a text. Received tuple"),
    (1, {"session": None}, "expected session as a text. Received NoneType"),
    (1, {"note": "first"}, "expected no field 'note', which this version does not know"),
    (1, {"log_mel": "frames"}, "expected log_mel as a ndarray. Received str"),
    (1, {"log_mel": np.array(0, np.float16)}, WRONG_LOG_MEL),
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


@pytest.mark.parametrize("change", [{"speaker": "p226"}, {"side": "test"}, {"utterance": "p225_002"}])
def test_a_copy_of_somebody_elses_utterance_is_refused(tmp_path, records, change):
    copied = with_copies(records, 1)
    copied[2] = {**copied[2], **change}
    with pytest.raises(InputsError, match="a copy of another utterance than the one before"):
        load_inputs(write_all(tmp_path / "changed.pkl", copied))


def test_inputs_of_which_nothing_trains_are_refused(tmp_path, records):
    tests = [{**record, "side": "test"} for record in records[1:-1]]
    with pytest.raises(InputsError, match="it holds no training utterances of 2 of the 2 speakers"):
        load_inputs(write_all(tmp_path / "changed.pkl", [records[0], *tests, records[-1]]))


@pytest.mark.parametrize("settings", [*NONSENSE, {"num_filters": NESTED}], ids=lambda settings: str([*settings]))
def test_feature_settings_without_sense_are_refused_in_a_line(tmp_path, records, settings):
    header = {**records[0], "features": {**FEATURES, **settings}}
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
    message = {"text": "expected mean as a ndarray", "zero deviation": "expected deviations above zero"}
    with pytest.raises(InputsError, match=message.get(name, r"expected finite float32 statistics \(60,\)")):
        load_inputs(write_all(tmp_path / "changed.pkl", [*records[:-1], FOOTERS[name]]))


def test_what_follows_the_footer_is_refused(tmp_path, records):
    with pytest.raises(InputsError, match="something follows its last record"):
        load_inputs(write_all(tmp_path / "changed.pkl", [*records, records[1]]))


def test_an_empty_file_is_said_to_be_cut_short(tmp_path):
    (tmp_path / "empty.pkl").touch()
    with pytest.raises(InputsError, match="cut short"):
        load_inputs(tmp_path / "empty.pkl")


@pytest.mark.parametrize("name", ["features", "held_out", "speakers", "cache_sha256", "utterances", "noises_sha256"])
def test_a_header_that_lacks_a_field_is_refused(tmp_path, records, name):
    header = {other: value for other, value in records[0].items() if other != name}
    with pytest.raises(InputsError, match=f"expected a field '{name}'. Received none"):
        load_inputs(write_all(tmp_path / "changed.pkl", [header, *records[1:]]))


def test_a_header_comes_back_as_it_was_written(records):
    header = InputsHeader.from_json(records[0])
    assert header.as_json() == records[0]
    assert (header.speakers, header.held_out, header.utterances) == (("corpus/p225", "corpus/p226"), ("p362",), 10)


def test_what_the_writer_wrote_is_read(tmp_path):
    made = tiny.inputs()
    inputs = load_inputs(tiny.write_inputs(tmp_path / "inputs.pkl", made))
    assert (inputs.speakers, inputs.held_out) == (made.speakers, made.held_out)
    np.testing.assert_array_equal(inputs.train.log_mel, made.train.log_mel)
    np.testing.assert_array_equal(inputs.test.labels, made.test.labels)
    np.testing.assert_array_equal(inputs.deviation, made.deviation)


def test_the_writer_refuses_log_mel_values_of_another_size():
    writer = InputsWriter(io.BytesIO(), InputsHeader(DEFAULT_FEATURES, (), ("p1",), "", 1))
    with pytest.raises(ValueError, match=r"expected \(frames, 33\). Received \(5, 32\)"):
        writer.add(UtteranceRecord("", "p1", "", "1", "train", 0, np.zeros((5, 32), np.float16)))


@pytest.mark.parametrize("number", [0, 2])
def test_the_writer_refuses_to_finish_with_fewer_or_more_utterances_than_it_announced(number):
    writer = InputsWriter(io.BytesIO(), InputsHeader(DEFAULT_FEATURES, (), ("p1",), "", utterances=1, copies=1))
    for _ in range(number):
        for copy in (0, 1):
            writer.add(UtteranceRecord("", "p1", "", "1", "train", copy, np.zeros((5, 33), np.float16)))
    with pytest.raises(ValueError, match=rf"as many utterances as the header says\. Received \{number - 1:+d}"):
        writer.finish(FrameStatistics(np.zeros(60, np.float32), np.ones(60, np.float32)))
