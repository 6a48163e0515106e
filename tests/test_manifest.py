"""Corpora by description: tables, JSON lines, Kaldi folders."""

import gzip
import json
from pathlib import Path

import pytest

from corpus.manifest import read_manifest
from corpus.recording import CorpusError, Recording


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "libri").mkdir()
    return tmp_path / "libri"


def write(path: Path, *lines: str | dict) -> Path:
    text = "".join(f"{json.dumps(line) if isinstance(line, dict) else line}\n" for line in lines)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def kaldi(folder: Path, **files: str) -> Path:
    """A data folder; the name of a file has `_` for its dot."""
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def labels(manifest: Path, **options) -> list[tuple]:
    beside = manifest if manifest.is_dir() else manifest.parent
    return [
        (*one[:4], one.source.removeprefix(f"{beside}/"), one.start, one.end)
        for one in read_manifest(manifest, **options).recordings
    ]


def test_a_table_names_speakers_utterances_sessions_and_parts(folder):
    manifest = write(
        folder / "libri.csv",
        "session,speaker,path,utterance,start,end",
        "mon,ann,ann/1.wav,,,",
        'tue,ann,"b, c.wav",u2,1.5,2',
        ",bob,/elsewhere/3.flac,,0,",
    )
    assert labels(manifest) == [
        ("libri", "ann", "mon/1", "mon", "ann/1.wav", None, None),
        ("libri", "ann", "u2", "tue", "b, c.wav", 1.5, 2.0),
        ("libri", "bob", "3", "", "/elsewhere/3.flac", None, None),
    ]
    listing = read_manifest(manifest)
    assert {one.place for one in listing.recordings} == {str(manifest)}
    assert listing.description == f"{manifest}: 3 recordings of 2 speakers, read as a table"


def test_a_table_may_have_tabs_quotes_and_other_columns(folder):
    manifest = write(
        folder / "libri.tsv", "\ufeffpath\tspeaker\tsentence", 'a "b".wav\tann\t"Hello, there', "c.wav\tbob\t"
    )
    assert [row[1:3] for row in labels(manifest)] == [("ann", 'a "b"'), ("bob", "c")]


@pytest.mark.parametrize("name", ["libri.jsonl", "libri.json", "libri.jsonl.gz"])
def test_nemo(folder, name):
    manifest = write(
        folder / name,
        {"audio_filepath": "1.wav", "duration": 3.5, "label": "ann", "text": "hello"},
        {"audio_filepath": "1.wav", "duration": 3.5, "speaker": 7, "offset": 10, "utterance": "later"},
        {"audio_filepath": "1.wav", "speaker": 7, "offset": 20, "session": "mon"},
    )
    assert labels(manifest) == [
        ("libri", "7", "later", "", "1.wav", 10.0, 13.5),
        ("libri", "7", "mon/1@20", "mon", "1.wav", 20.0, None),
        ("libri", "ann", "1", "", "1.wav", None, None),
    ]


def lhotse(folder: Path, **source) -> Path:
    given = {"type": "file", "channels": [0], "source": "rec.flac", **source}
    write(folder / "x_recordings.jsonl.gz", {"id": "r1", "sources": [given], "sampling_rate": 8000})
    one = {"id": "u1", "recording_id": "r1", "start": 0.5, "duration": 1.25, "channel": 0, "speaker": "ann"}
    return write(folder / "x_supervisions.jsonl.gz", one, {**one, "id": "u2", "start": 2, "speaker": "bob"})


def test_lhotse_s_supervisions_with_their_recordings_beside_them(folder):
    assert labels(lhotse(folder)) == [
        ("x_supervisions", "ann", "u1", "", "rec.flac", 0.5, 1.75),
        ("x_supervisions", "bob", "u2", "", "rec.flac", 2.0, 3.25),
    ]


def test_lhotse_s_names_may_be_numbers_and_channels_and_durations_left_out(folder):
    source = {"type": "file", "source": "rec.flac"}
    write(folder / "recordings.jsonl", {"id": 1, "sources": [source]})
    write(folder / "supervisions.jsonl", {"id": 5, "recording_id": 1, "start": 0.5, "speaker": 19})
    assert labels(folder / "supervisions.jsonl") == [("supervisions", "19", "5", "", "rec.flac", 0.5, None)]


@pytest.mark.parametrize("sources", [None, [], {"type": "file"}, "file", ["file"], [{"type": "file"}] * 2])
def test_a_lhotse_recording_has_one_source(folder, sources):
    lhotse(folder)
    write(folder / "x_recordings.jsonl.gz", {"id": "r1", "sources": sources})
    with pytest.raises(CorpusError, match="line 1: expected one source of the type 'file'"):
        read_manifest(folder / "x_supervisions.jsonl.gz")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"type": "command", "source": "touch ran |"}, "commands are never run"),
        ({"type": "url"}, "expected one source of the type 'file'"),
        ({"channels": [0, 1]}, "several channels"),
    ],
)
def test_of_lhotse_s_sources_only_files_of_one_channel_are_taken(folder, source, message):
    with pytest.raises(CorpusError, match=f"line 1: .*{message}"):
        read_manifest(lhotse(folder, **source))


def test_lhotse_without_recordings_is_an_error(folder):
    lhotse(folder)
    (folder / "x_recordings.jsonl.gz").unlink()
    with pytest.raises(CorpusError, match=r"There is no x_recordings\.jsonl\.gz"):
        read_manifest(folder / "x_supervisions.jsonl.gz")


def test_kaldi(folder):
    kaldi(folder, wav_scp=" r1  a b.wav\n\tr2\t /x/c.wav \n", utt2spk="r1 ann\nr2 bob\n", utt2sess="r1 monday\n")
    assert labels(folder) == [
        ("libri", "ann", "r1", "monday", "a b.wav", None, None),
        ("libri", "bob", "r2", "", "/x/c.wav", None, None),
    ]


def test_kaldi_s_segments(folder):
    kaldi(
        folder, wav_scp="r1 a.wav\n", utt2spk="ann-1 ann\nbob-1 bob\n", segments="ann-1 r1 0.0 1.5\nbob-1 r1 1.5 -1\n"
    )
    assert labels(folder) == [
        ("libri", "ann", "ann-1", "", "a.wav", None, 1.5),
        ("libri", "bob", "bob-1", "", "a.wav", 1.5, None),
    ]


@pytest.mark.parametrize("line", ["sph2pipe -f wav x.sph |", "touch ran|", "| touch ran", "-"])
def test_a_command_is_named_and_never_run(folder, line, monkeypatch):
    monkeypatch.chdir(folder)
    kaldi(folder, wav_scp=f"r0 a.wav\nr1 {line}\n", utt2spk="r0 ann\nr1 ann\n")
    with pytest.raises(CorpusError, match=r"wav\.scp, line 2: .* is a command, which is never run"):
        read_manifest(folder)
    assert not (folder / "ran").exists()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"wav_scp": "r1 a.wav\n"}, "There is no .*utt2spk"),
        ({"wav_scp": "r1 a.wav\n", "utt2spk": "r1 ann\nr2 bob\n"}, r"wav\.scp lacks 1 utterance of utt2spk: r2"),
        (
            {"wav_scp": "r1 a.wav\n", "utt2spk": "r1 a\nr2 a\nr3 a\nr4 a\n", "segments": ""},
            "/segments lacks 4 utterances of utt2spk: r1, r2, r3$",
        ),
        ({"wav_scp": "r1 a.wav\n", "utt2spk": "r1\n"}, "utt2spk, line 1: 'r1' stands alone"),
        ({"wav_scp": "r1 a.wav\nr1 b.wav\n", "utt2spk": "r1 a\n"}, r"wav\.scp, line 2: 'r1' stands twice"),
        ({"wav_scp": "r1 a.wav\n", "utt2spk": "u a\n", "segments": "u r9 0 1\n"}, "line 1: no recording 'r9'"),
        ({"wav_scp": "r1 a.wav\n", "utt2spk": "u a\n", "segments": "u r1 0\n"}, "line 1: expected an utterance"),
        ({"wav_scp": "r1 a.wav\n", "utt2spk": "u a\n", "segments": "u r1 2 1\n"}, "it ends at 1 s and starts at 2 s"),
    ],
)
def test_what_is_wrong_in_a_kaldi_folder_is_told_with_its_line(folder, files, message):
    with pytest.raises(CorpusError, match=message):
        read_manifest(kaldi(folder, **files))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["path,who", "a.wav,ann"], "has no speaker"),
        (["path,speaker"], "names no recording"),
        ([], "has no path"),
        (["path,speaker", "a.wav"], "line 2: 1 fields under a header of 2"),
        (["path,speaker", "a.wav,"], "line 2: it names no speaker"),
        (["path,speaker", "a.wav,b/"], "line 2: it names no speaker"),
        (["path,speaker", ",ann"], "line 2: it names no file"),
        (["path,speaker", "", "a.wav,ann", " ", "b.wav,"], "line 5: it names no speaker"),
        (["path,speaker", 'a.wav,"ann'], "line 2: unexpected end of data"),
        (["path,speaker", "a\0.wav,ann"], "line 2: .*null"),
        (["path,speaker,start", "a.wav,ann,1e308"], "line 2: expected seconds from 0 to 1e"),
        (["path,speaker,speaker", "a.wav,ann,bob"], "its header has a column twice"),
        (["path,speaker,x" + "y" * 200_000, "a.wav,ann,"], "line 1: field larger than"),
        (["path,speaker", "a.wav,../ann"], "line 2: expected a speaker, or a part of the corpus and one"),
        (["path,speaker", "a.wav,a//ann"], "line 2: expected a speaker, or a part of the corpus and one"),
        (["path,speaker,start", "a.wav,ann,soon"], "line 2: expected seconds. Received 'soon'"),
        (["path,speaker,start", "a.wav,ann,nan"], "line 2: expected seconds from 0 to 1e"),
        (["path,speaker,start", "a.wav,ann,-0.5"], "line 2: expected seconds from 0 to 1e"),
        (["path,speaker", "a.wav,ann", "a.wav,bob"], "line 3: a.wav stands in an earlier line, too, with another"),
        (["path,speaker", "a.wav,ann", "x/../a.wav,bob"], "line 3: .* stands in an earlier line, too, with another"),
        (
            ["path,speaker,start", "a.wav,ann,", "a.wav,bob,0"],
            "line 3: a.wav stands in an earlier line, too, with another",
        ),
        (["path,speaker", "a.wav,ann", "./a.wav,ann"], "line 3: .* stands in an earlier line, too, with the same"),
        (["path,speaker,utterance", "a.wav,ann,x", "b.wav,ann,x"], "line 3: the utterance 'x' stands in an earlier"),
        (
            ["path,speaker,start", "a.wav,ann,1", "a.wav,ann,1.0000001"],
            r"2 utterances of libri/ann are called '.*a\.wav'",
        ),
    ],
)
def test_what_is_wrong_in_a_table_is_told_with_its_line(folder, lines, message):
    manifest = write(folder / "libri.csv", *lines)
    with pytest.raises(CorpusError, match=message) as caught:
        read_manifest(manifest)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", "line 1: not JSON"),
        ("[1]", "line 1: expected a JSON object"),
        ("[" * 99_999, "line 1: not JSON"),
        ('{"audio_filepath": 3, "label": "a", "duration": "long"}', "line 1: expected seconds"),
        ('{"audio_filepath": 3, "label": "a", "duration": [1]}', "line 1: expected seconds"),
        ('{"audio_filepath": 3, "label": "a", "duration": 1' + 400 * "0" + "}", "line 1: expected seconds"),
        (
            '{"audio_filepath": "a.wav", "label": "a", "offset": 9e5, "duration": 9e5}',
            "line 1: expected seconds from 0",
        ),
        ('{"audio_filepath": "\\ud800.wav", "label": "a"}', "line 1: it holds half a character"),
        ('{"audio_filepath": "a.wav", "label": "\\ud800"}', "line 1: it holds half a character"),
        ('{"audio_filepath": null, "label": "a"}', "line 1: it names no file"),
        ('{"audio_filepath": "a.wav"}', "line 1: it names no speaker"),
        ('{"path": "a.wav"}', "expected audio_filepath in each line, or Lhotse's"),
        ("x" * (1 << 20), "line 1: longer than"),
    ],
)
def test_what_is_wrong_in_json_lines_is_told_with_its_line(folder, line, message):
    with pytest.raises(CorpusError, match=message) as caught:
        read_manifest(write(folder / "libri.jsonl", line))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"not gzip", gzip.compress(b'{"audio_filepath": "a", "label": "b"}\n' * 9, mtime=0)[:-9]],
    ids=["other", "torn"],
)
def test_a_damaged_archive_is_an_error(folder, content):
    (folder / "libri.jsonl.gz").write_bytes(content)
    with pytest.raises(CorpusError, match="is not readable"):
        read_manifest(folder / "libri.jsonl.gz")


def test_a_missing_manifest_is_an_error(folder):
    with pytest.raises(CorpusError, match="does not exist"):
        read_manifest(folder / "libri.csv")


def test_relative_paths_are_the_folder_s_or_if_none_is_there_the_working_folder_s(folder, tmp_path, monkeypatch):
    manifest = write(folder / "libri.csv", "path,speaker", "a.wav,ann", "b.wav,ann")
    monkeypatch.chdir(tmp_path)
    assert read_manifest(manifest).recordings[0].path == folder / "a.wav"
    (tmp_path / "a.wav").touch()
    listing = read_manifest(manifest)
    assert [one.path for one in listing.recordings] == [tmp_path / "a.wav", tmp_path / "b.wav"]
    assert "its paths are taken from the working folder" in listing.description
    (folder / "b.wav").touch()
    assert [one.path for one in read_manifest(manifest).recordings] == [folder / "a.wav", folder / "b.wav"]


def test_a_speaker_with_a_corpus_in_front_is_of_a_part_of_it(folder):
    manifest = write(folder / "libri.csv", "path,speaker", "a.wav,train/ann", "b.wav,test/ann", "c.wav,ann")
    recordings = read_manifest(manifest, corpus="mine").recordings
    assert [one[:3] for one in recordings] == [
        ("mine", "ann", "c"),
        ("mine/test", "ann", "b"),
        ("mine/train", "ann", "a"),
    ]
    assert {one.place for one in recordings} == {str(manifest), str(manifest / "test"), str(manifest / "train")}
    assert all(one.path == folder / f"{one.utterance}.wav" for one in recordings)


def test_files_of_one_name_go_by_their_paths(folder):
    manifest = write(
        folder / "libri.csv", "path,speaker", "one/a.wav,ann", "two/a.wav,ann", "one/a.flac,ann", "b.wav,ann"
    )
    assert [row[2] for row in labels(manifest)] == ["b", "one/a.flac", "one/a.wav", "two/a"]


def test_a_manifest_lists_all_there_is_of_a_corpus_that_the_user_may_have_named(folder):
    listing = read_manifest(write(folder / "libri.csv", "path,speaker", "/x/a.wav,ann"))
    assert not listing.is_named
    assert read_manifest(folder / "libri.csv", corpus="mine").is_named
    assert listing.could_see(Path("/anywhere/b.wav"))
    assert isinstance(listing.recordings[0], Recording)
