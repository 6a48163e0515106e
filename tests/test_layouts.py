"""Published corpora by their own marks: whose each file is, and how it is named, wherever one looks from."""

from pathlib import Path

import pytest

from corpus.discovery import find_recordings
from corpus.recording import CorpusError

CORPORA = {
    "VCTK": (
        {
            "VCTK-Corpus/wav48/p225/p225_001.wav": "VCTK-Corpus|p225||p225_001",
            "VCTK-Corpus/wav48/s5/s5_001.wav": "VCTK-Corpus|s5||s5_001",
        },
        ["txt/p225/p225_001.txt", "speaker-info.txt"],
    ),
    "VCTK 0.92": (
        {"VCTK-Corpus/wav48_silence_trimmed/p226/p226_001_mic1.flac": "VCTK-Corpus|p226||p226_001_mic1"},
        ["VCTK-Corpus/wav48_silence_trimmed/p226/p226_001_mic2.flac"],
    ),
    "LibriSpeech": (
        {
            "train-clean-100/19/198/19-198-0001.flac": "train-clean-100|19|198|19-198-0001",
            "train-clean-100/19/227/19-227-0000.flac": "train-clean-100|19|227|19-227-0000",
            "train-clean-100/26/495/26_495_000004_000000.wav": "train-clean-100|26|495|26_495_000004_000000",
        },
        ["train-clean-100/19/198/19-198.trans.txt"],
    ),
    "VoxCeleb": (
        {
            "vox1/wav/id10270/5r0dWxy17C8/00001.wav": "vox1|id10270|5r0dWxy17C8|5r0dWxy17C8/00001",
            "vox1/wav/id10270/8jEAjG6SegY/00001.wav": "vox1|id10270|8jEAjG6SegY|8jEAjG6SegY/00001",
            "vox1/wav/id10271/5r0dWxy17C8/00001.wav": "vox1|id10271|5r0dWxy17C8|5r0dWxy17C8/00001",
        },
        ["vox1/meta.csv"],
    ),
    "VoxCeleb 2": (
        {"dev/aac/id00012/21Uxsk56VDQ/00001.flac": "dev|id00012|21Uxsk56VDQ|21Uxsk56VDQ/00001"},
        [],
    ),
    "CN-Celeb": (
        {
            "CN-Celeb_flac/data/id00010/singing-01-001.flac": "CN-Celeb_flac|id00010|singing-01|singing-01-001",
            "CN-Celeb_flac/data/id00010/live_broadcast-02-001.flac": (
                "CN-Celeb_flac|id00010|live_broadcast-02|live_broadcast-02-001"
            ),
            "CN-Celeb_flac/eval/enroll/id00800-enroll.flac": "CN-Celeb_flac|id00800||id00800-enroll",
            "CN-Celeb_flac/eval/test/id00800-vlog-01-002.flac": "CN-Celeb_flac|id00800|vlog-01|id00800-vlog-01-002",
        },
        ["CN-Celeb_flac/eval/lists/trials.lst"],
    ),
    "VoxForge": (
        {
            "Main/jim-20100101-abc/wav/a0001.wav": "Main|jim|20100101-abc|20100101-abc/a0001",
            "Main/jim-20110202-xyz/wav/a0001.wav": "Main|jim|20110202-xyz|20110202-xyz/a0001",
            "Main/jo-ann-20110202-xyz/flac/b1.flac": "Main|jo-ann|20110202-xyz|20110202-xyz/b1",
            "Main/anonymous-20080101-abc/wav/a1.wav": "Main|anonymous-20080101-abc|20080101-abc|a1",
            "Main/anonymous-20080101-abd/wav/a1.wav": "Main|anonymous-20080101-abd|20080101-abd|a1",
        },
        ["Main/jim-20100101-abc/etc/README"],
    ),
    "AISHELL": (
        {
            "data_aishell/wav/train/S0002/BAC009S0002W0122.wav": "data_aishell|S0002||BAC009S0002W0122",
            "data_aishell/wav/test/S0764/BAC009S0764W0121.wav": "data_aishell|S0764||BAC009S0764W0121",
        },
        ["data_aishell/transcript/aishell_transcript_v0.8.txt"],
    ),
    "a folder per speaker, sessions in the files' names": (
        {
            "calls/cal001/cal001_s00_001.flac": "calls|cal001|s00|cal001_s00_001",
            "calls/cal001/cal001_s01_002.flac": "calls|cal001|s01|cal001_s01_002",
            "calls/cal002/cal002_s00_001.flac": "calls|cal002|s00|cal002_s00_001",
        },
        ["calls/README.md"],
    ),
    "Speech Commands": (
        {
            "sc/bed/0a7c2a8d_nohash_0.wav": "sc|0a7c2a8d||bed/0a7c2a8d_nohash_0",
            "sc/cat/0a7c2a8d_nohash_0.wav": "sc|0a7c2a8d||cat/0a7c2a8d_nohash_0",
            "sc/cat/00b01445_nohash_1.wav": "sc|00b01445||cat/00b01445_nohash_1",
        },
        ["sc/_background_noise_/doing_the_dishes.wav", "sc/testing_list.txt"],
    ),
}
TABLE = 'client_id\tpath\tsentence\nann\ta_1.mp3\tHello, "there\nbob\tb_1.mp3\tBye\nbob\tgone.mp3\tBye\n'


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def labels(root: Path) -> dict[str, str]:
    return {
        str(one.path): f"{one.corpus}|{one.speaker}|{one.session}|{one.utterance}"
        for one in find_recordings(root).recordings
    }


@pytest.mark.parametrize("layout", CORPORA)
def test_a_layout_is_known_by_its_marks(tmp_path, layout):
    recordings, others = CORPORA[layout]
    make(tmp_path, *recordings, *others)
    expected = {str(tmp_path / name): said for name, said in recordings.items()}
    assert labels(tmp_path) == expected
    listing = find_recordings(tmp_path)
    assert listing.description.endswith(f"read as {layout.split(' 2')[0].split(' 0')[0]}")
    assert {one.place for one in listing.recordings} == {
        str(tmp_path / said.split("|")[0]) for said in recordings.values()
    }


@pytest.mark.parametrize("layout", CORPORA)
def test_a_layout_is_known_from_within(tmp_path, layout):
    recordings, others = CORPORA[layout]
    make(tmp_path, *recordings, *others)
    for folder in {path.parent for path in map(Path, recordings)}:
        while folder.parts:
            below = {str(tmp_path / name): said for name, said in recordings.items() if folder in Path(name).parents}
            assert labels(tmp_path / folder) == below, folder
            folder = folder.parent


def test_corpora_of_several_layouts_stand_beside_each_other(tmp_path):
    for recordings, others in CORPORA.values():
        make(tmp_path, *recordings, *others)
    make(tmp_path, "mine/anna/anna_1.wav")
    expected = {str(tmp_path / name): said for recordings, _ in CORPORA.values() for name, said in recordings.items()}
    expected[str(tmp_path / "mine/anna/anna_1.wav")] = "mine|anna||anna_1"
    assert labels(tmp_path) == expected


@pytest.mark.parametrize("root", ["", "cv", "cv/en", "cv/en/clips"])
def test_common_voice_tells_speakers_by_its_table_of_validated_clips(tmp_path, root):
    make(tmp_path, *(f"cv/en/clips/{name}.mp3" for name in ("a_1", "b_1", "unknown")))
    (tmp_path / "cv" / "en" / "validated.tsv").write_text(TABLE)
    clips = tmp_path / "cv" / "en" / "clips"
    corpus = {"": "cv/en"}.get(root, "en")
    expected = {f"{clips}/a_1.mp3": f"{corpus}|ann||a_1", f"{clips}/b_1.mp3": f"{corpus}|bob||b_1"}
    assert labels(tmp_path / root) == expected
    listing = find_recordings(tmp_path / root)
    assert "Common Voice (1 clip not validated)" in listing.description
    assert {one.place for one in listing.recordings} == {str(clips.parent)}


def test_clips_without_the_table_and_a_table_beside_other_folders_are_not_common_voice(tmp_path):
    make(tmp_path, "a/clips/clips_1.mp3", "b/ann/ann_1.mp3")
    (tmp_path / "b" / "validated.tsv").write_text(TABLE)
    assert set(labels(tmp_path).values()) == {"a|clips||clips_1", "b|ann||ann_1"}


def test_a_table_of_clips_without_speakers_is_an_error(tmp_path):
    make(tmp_path, "clips/a_1.mp3")
    (tmp_path / "validated.tsv").write_text("path\tsentence\na_1.mp3\tHello\n")
    with pytest.raises(CorpusError, match=r"validated\.tsv: expected the columns client_id, path\. .* no client_id"):
        find_recordings(tmp_path)
