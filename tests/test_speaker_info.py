"""Tables of speakers as VCTK, LibriSpeech and VoxCeleb publish them, and as people damage them."""

import pytest

from corpus.recording import Speaker
from corpus.speaker_info import SpeakerInfo
from storage.errors import UserError

VCTK_80 = "ID  AGE  GENDER  ACCENTS  REGION \n225  23  F    English    Southern  England\n226  22  M   English Surrey\n"
VCTK_92 = "ID AGE GENDER ACCENTS REGION COMMENTS \np225  23  F  English  Southern  England\np226 22 M English  Surrey\n"
LIBRI = "; made up\n;ID  |SEX| SUBSET |MINUTES| NAME\n225  | F | dev | 9.1 | A. B\n226 | M | dev| 8.0| C\n"
VOX = "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\np225\tA._B\tf\tUK\np226\tC\tm\tIreland\n"
SPEAKERS = [Speaker("vctk", "p225"), Speaker("vctk", "p226"), Speaker("vctk", "p999")]


@pytest.mark.parametrize(
    ("text", "column", "values"),
    [
        (VCTK_80, "gender", ["F", "M"]),
        (VCTK_80, "REGION", ["Southern  England", "Surrey"]),
        (VCTK_92, "accents", ["English", "English"]),
        (LIBRI, "Sex", ["F", "M"]),
        (VOX, "nationality", ["UK", "Ireland"]),
        ("speaker;age\np225;23\np226;-\n", "age", ["23"]),
        ('speaker,place\np225,"Leeds, England"\n', "place", ["Leeds, England"]),
    ],
)
def test_a_column_is_read(tmp_path, text, column, values):
    (tmp_path / "info.txt").write_text(text)
    found = SpeakerInfo(tmp_path / "info.txt").of(column, SPEAKERS)
    assert found == dict(zip(SPEAKERS, values))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a heading with columns"),
        ("speaker\np225\n", "expected a heading with columns"),
        (VCTK_92, "has no column 'gendre', nearest: gender"),
        ("speaker gendre note\np225 F a b\n", "the blanks in 'gendre' and those between columns"),
        (f"speaker,gendre\np225,{'x' * 200_000}\n", "expected columns between ','"),
        ("speaker gendre\np1 F\n", "says nothing of the column 'gendre' of any of these speakers"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, text, message):
    (tmp_path / "info.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        SpeakerInfo(tmp_path / "info.txt").of("gendre", SPEAKERS)


def test_what_is_no_text_is_refused(tmp_path):
    (tmp_path / "binary").write_bytes(b"ID\xff\xfe\x00 x")
    for path in (tmp_path / "missing", tmp_path / "binary", tmp_path):
        with pytest.raises(UserError, match="expected a text file of properties of speakers"):
            SpeakerInfo(path)


def test_a_name_that_two_corpora_have_is_asked_back(tmp_path):
    speakers = [Speaker("libri", "225"), Speaker("vctk", "p225")]
    (tmp_path / "info.txt").write_text("ID GENDER\n225 M\n")
    found = SpeakerInfo(tmp_path / "info.txt").of("gender", speakers)
    assert found == {speakers[0]: "M"}  # p225 is nobody's 225 where somebody is called so
    twins = [Speaker("libri", "s1"), Speaker("vctk", "s1")]
    (tmp_path / "info.txt").write_text("ID GENDER\ns1 M\n")
    with pytest.raises(UserError, match="could be of libri/s1 or of vctk/s1"):
        SpeakerInfo(tmp_path / "info.txt").of("gender", twins)
    (tmp_path / "info.txt").write_text("ID GENDER\nlibri/s1 M\nvctk/s1 F\n")
    assert list(SpeakerInfo(tmp_path / "info.txt").of("gender", twins).values()) == ["M", "F"]
