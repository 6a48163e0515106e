"""Names that people give speakers, and whom they mean."""

import pytest

from corpus.recording import Speaker
from corpus.speakers import (
    NAMES_SHOWN,
    check_speakers,
    find_speaker,
    matching,
    parse_speakers,
    read_speakers_file,
    speakers_named,
    trained_on,
)
from storage.errors import UserError

KNOWN = {Speaker("vctk", "p225"), Speaker("vctk", "p226"), Speaker("libri/train-clean-100", "19")}
TWO = {Speaker("libri", "s1"), Speaker("so", "s1"), Speaker("so", "s2")}


def test_a_speaker_as_a_text_is_the_corpus_and_the_name():
    speakers = [Speaker("", "p225"), Speaker("vctk", "p225"), Speaker("a/b c", "Mary Ann")]
    assert list(map(str, speakers)) == ["p225", "vctk/p225", "a/b c/Mary Ann"]


def test_names_in_a_list_may_have_blanks_around_them_and_inside():
    assert parse_speakers(" p225 ,Mary Ann,, vctk/p226,") == ("p225", "Mary Ann", "vctk/p226")
    assert parse_speakers(" , ") == ()


def test_a_file_has_one_name_a_line_with_comments_and_blank_lines(tmp_path):
    path = tmp_path / "speakers.txt"
    path.write_bytes("# held out\np225\r\n\n  vctk/p226   # the low one\nZoë Q.\n#\n".encode())
    assert read_speakers_file(path) == ("p225", "vctk/p226", "Zoë Q.")


@pytest.mark.parametrize("content", [b"", b"# nobody\n\n"])
def test_a_file_that_names_no_one_is_an_error(tmp_path, content):
    path = tmp_path / "speakers.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match="names no speaker"):
        read_speakers_file(path)


def test_a_missing_file_a_folder_and_a_binary_file_are_errors(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00p")
    for path in (tmp_path / "missing", tmp_path, tmp_path / "binary"):
        with pytest.raises(UserError, match="expected a text file"):
            read_speakers_file(path)


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    path = tmp_path / "notepad.txt"
    path.write_bytes("p225\r\np226\r\n".encode("utf-8-sig"))
    assert read_speakers_file(path) == ("p225", "p226")


def test_a_hash_within_a_name_is_part_of_it(tmp_path):
    path = tmp_path / "speakers.txt"
    path.write_text("p#1\nvctk/p #2\n p#3\t# low\n")
    assert read_speakers_file(path) == ("p#1", "vctk/p", "p#3")


def test_a_line_that_is_a_known_name_is_that_name(tmp_path):
    path = tmp_path / "speakers.txt"
    path.write_bytes(b"anna #2\nbob \nc/dee #1\neve # not me\ncaf\xe9\n")
    known = {Speaker("c", name) for name in ("anna #2", "anna", "bob ", "bob", "dee #1", "eve", "caf\udce9")}
    assert read_speakers_file(path, known) == ("anna #2", "bob ", "c/dee #1", "eve", "caf\udce9")


def test_on_whom_a_network_was_trained_and_on_whom_perhaps():
    known = {Speaker("libri", "s1"), Speaker("so", "s1"), Speaker("so", "s2"), Speaker("data/libri", "s1")}
    libri = {Speaker("libri", "s1"), Speaker("data/libri", "s1")}  # by the ends of their names, though one is exact
    assert trained_on(["libri/s1"], known) == (libri, set())
    assert trained_on(["s2"], known) == ({Speaker("so", "s2")}, set())
    everybody = libri | {Speaker("so", "s1")}
    assert trained_on(["vox/s1"], known) == (set(), everybody)  # a corpus that is not here may be one of these, renamed
    assert trained_on(["vox/s1", "so/s1"], known) == ({Speaker("so", "s1")}, libri)
    assert trained_on(["libri/s9"], known) == (set(), set())


def test_a_speaker_is_listed_by_name_or_with_the_corpus():
    assert speakers_named(["p225", "vctk/p226"], KNOWN) == {Speaker("vctk", "p225"), Speaker("vctk", "p226")}
    assert speakers_named(["libri/train-clean-100/19"], KNOWN) == {Speaker("libri/train-clean-100", "19")}
    assert speakers_named(["other/p225", "p22", "vctk", "vctk/p2255", "clean-100/19", ""], KNOWN) == set()


def test_a_name_alone_lists_all_who_bear_it():
    assert speakers_named(["s1"], TWO) == {Speaker("libri", "s1"), Speaker("so", "s1")}
    assert speakers_named(["so/s1"], TWO) == {Speaker("so", "s1")}


@pytest.mark.parametrize("corpus", ["", "train", "clean/train", "x/libri/clean/train"])
def test_ends_of_a_corpus_agree_to_be_on_the_safe_side(corpus):
    assert matching("libri/clean/train/19", iter([Speaker(corpus, "19")])) == {Speaker(corpus, "19")}


@pytest.mark.parametrize("corpus", ["ain", "libri", "clean/train/x", "other/train"])
def test_corpora_whose_ends_differ_are_others(corpus):
    assert matching("libri/clean/train/19", {Speaker(corpus, "19")}) == set()


def test_whoever_has_just_that_name_is_meant():
    known = {Speaker("corpus", "s1"), Speaker("b/corpus", "s1")}
    assert matching("corpus/s1", known) == {Speaker("corpus", "s1")}
    assert matching("b/corpus/s1", known) == {Speaker("b/corpus", "s1")}


def test_a_misspelt_name_is_an_error_that_has_the_nearest():
    with pytest.raises(
        UserError, match=r"^2 speakers of the 4 named are not in the cache: p999, libri/20; nearest: .*p22"
    ):
        check_speakers(["p225", "vctk/p226", "p999", "libri/20"], KNOWN)


def test_known_names_and_none_are_no_error():
    check_speakers(["p225", "vctk/p226", "19"], KNOWN)
    check_speakers([], KNOWN)


def test_a_name_of_several_is_told(caplog):
    caplog.set_level("INFO")
    check_speakers(["s1", "so/s2"], TWO)
    assert caplog.messages == ["s1 is the name of 2 speakers: libri/s1, so/s1"]


@pytest.mark.parametrize(("count", "more"), [(NAMES_SHOWN, ""), (NAMES_SHOWN + 1, r", \.\.\.")])
def test_of_many_unknown_names_the_first_few_are_shown(count, more):
    with pytest.raises(
        UserError, match=rf"^{count} speakers of the {count} named are .*: x0, x1, x2, x3, x4{more}; nearest"
    ):
        check_speakers([f"x{number}" for number in range(count)], KNOWN)


def test_five_near_names_are_told_with_their_corpora_where_the_unknown_one_has_its_own():
    known = {Speaker("vctk", f"p22{number}") for number in range(9)}
    for name, near in (("vctk/p229", r"vctk/p22\d"), ("p229", r"p22\d")):
        with pytest.raises(UserError, match=rf"nearest: {near}(, {near}){{4}}\. To add"):
            find_speaker(name, known, "the cache")


def test_the_one_who_is_meant():
    assert find_speaker("s2", TWO, "it") == find_speaker("so/s2", TWO, "it") == Speaker("so", "s2")


def test_an_ambiguous_name_is_an_error_that_lists_whom_it_may_mean():
    with pytest.raises(UserError, match="'s1' is the name of 2 speakers; say which: libri/s1, so/s1"):
        find_speaker("s1", TWO, "it")


@pytest.mark.parametrize("name", ["p231x", ""])
def test_an_unknown_name_is_told_with_near_ones_and_the_count(name):
    known = {Speaker("vctk", f"p2{number}") for number in range(30, 45)} | {Speaker("vctk", "xyz")}
    with pytest.raises(UserError) as caught:
        find_speaker(name, known, "the cache")
    message = str(caught.value)
    assert f"speaker '{name}' is not in the cache; it holds 16 speakers" in message
    assert ("; nearest" in message) == ("nearest: p231," in message) == bool(name)
    assert "xyz" not in message
