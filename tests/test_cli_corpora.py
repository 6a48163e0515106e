"""The command line on corpora as people have them: what it asks back, what it says, what it refuses."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import SHARED, fail, run, succeed
from conftest import VOICES, copy_voices

from audio.decode import convert
from audio.utterance import utterance_in
from cache.entries import read_signal
from cache.utterances import UtteranceCache

CASES = SHARED / "cases"


@pytest.fixture(scope="module")
def two_corpora(tmp_path_factory) -> Path:
    """A cache in which two people are called s1, and one is called s2."""
    folder = tmp_path_factory.mktemp("two")
    for corpus, voice, name in (("libri", "p225", "s1"), ("so", "p226", "s1"), ("so", "p227", "s2")):
        target = folder / corpus / name
        target.mkdir(parents=True)
        for recording in sorted((VOICES / voice).iterdir())[:5]:
            shutil.copy(recording, target / recording.name.replace(voice, name))
    for corpus in ("libri", "so"):
        succeed("cli.py", "--update_cache", "--audio_dir", folder / corpus, "--cache_output_dir", folder / "cache")
    return folder / "cache"


def test_an_ambiguous_name_is_asked_back(two_corpora):
    line = fail(2, "cli.py", "--unseen_speakers", "s1,s2", "--cache_output_dir", two_corpora)
    assert "'s1' is the name of 2 speakers; say which: libri/s1, so/s1" in line
    done = succeed("cli.py", "--unseen_speakers", "libri/s1,so/s1", "--cache_output_dir", two_corpora)
    assert "SAN = " in done.stdout
    assert "(cosine distance libri/s1 to so/s1 - different speaker)" in done.stdout
    assert "s2" in fail(2, "cli.py", "--get_embeddings", "s3", "--cache_output_dir", two_corpora)


def test_of_two_people_of_one_name_one_can_be_held_out(two_corpora):
    inputs = ("cli.py", "--generate_training_inputs", "--cache_output_dir", two_corpora, "--test_speakers")
    done = succeed(*inputs, "so/s1")
    assert "2 speakers, 8 train and 2 test utterances; 1 speaker held out" in done.stdout
    assert "speakers held out: 1; 2 are needed" in done.stderr
    assert "--test_speakers_file holds some out" in done.stderr
    assert "1 speaker(s) left to train on" in fail(2, *inputs, "s1")  # both


def test_a_held_out_speaker_who_is_not_found_is_an_error(two_corpora):
    for action in ("--generate_training_inputs", "--evaluate"):
        line = fail(2, "cli.py", action, "--test_speakers", "so/s1,so/s9", "--cache_output_dir", two_corpora)
        assert "1 speaker of the 2 named is not in the cache: so/s9; nearest: so/s2" in line


def test_a_split_without_test_utterances_is_told_with_what_helps(tmp_path, two_corpora):
    cache = Path(shutil.copytree(two_corpora, tmp_path / "cache"))
    inputs = ("cli.py", "--generate_training_inputs", "--cache_output_dir", cache)
    done = succeed(*inputs, "--split_by", "session")
    assert "15 train and 0 test utterances; 0 speakers held out" in done.stdout
    assert "no utterance is kept to test with" in done.stderr
    assert "--split_by utterance keeps utterances for that" in done.stderr
    done = succeed(*inputs)
    assert "12 train and 3 test utterances; 0 speakers held out" in done.stdout
    assert "no utterance is kept to test with" not in done.stderr


def test_a_corpus_that_is_renamed_keeps_its_speakers_held_out(tmp_path):
    corpus = copy_voices(tmp_path / "old", ("p225", "p226", "p227"), 2)
    cache = ("--cache_output_dir", tmp_path / "cache")
    succeed("cli.py", "--update_cache", "--audio_dir", corpus, *cache)
    corpus.rename(tmp_path / "new")
    done = succeed("cli.py", "--update_cache", "--audio_dir", tmp_path / "new", *cache)
    assert "0 utterances added, 6 unchanged, 0 skipped; 6 utterances of 3 speakers in all" in done.stdout
    assert f"the recordings of {tmp_path / 'old'} are in {tmp_path / 'new'} now" in done.stderr
    done = succeed("cli.py", "--generate_training_inputs", "--test_speakers", "new/p225", *cache)
    assert "2 speakers, 4 train and 0 test utterances; 1 speaker held out" in done.stdout
    assert "old/p225" in fail(2, "cli.py", "--generate_training_inputs", "--test_speakers", "old/p225", *cache)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--update_cache", "--audio_dir", "x", "--manifest", "y"), "--manifest stands in place of --audio_dir"),
        (("--update_cache", "--speaker_from", "1", "--manifest", "y"), "--manifest stands in place of --audio_dir"),
        (("--evaluate", "--manifest", "y"), "--manifest goes with --regenerate_full_cache, --update_cache"),
        (("--generate_training_inputs", "--test_speakers", " , "), "expected names between commas"),
        (("--generate_training_inputs", "--test_speakers", ""), "expected names between commas"),
        (("--update_cache", "--split_by", "session"), "--split_by goes with --generate_training_inputs"),
        (("--update_cache", "--noise_dir", "x"), "--noise_dir goes with --generate_training_inputs"),
        (("--generate_training_inputs", "--disturbed_copies", "-1"), "expected a whole number from 0 to 100"),
        (
            ("--generate_training_inputs", "--disturbed_copies", "0", "--rir_dir", "x"),
            "--noise_dir and --rir_dir are for disturbed copies, of which --disturbed_copies 0 makes none",
        ),
    ],
)
def test_flags_that_do_not_go_together_are_a_mistake(arguments, message):
    assert message in fail(2, "cli.py", *arguments)


def test_reading_leaves_no_lock_in_a_folder_that_is_no_cache(tmp_path):
    (tmp_path / "mine.txt").touch()
    assert "no cached utterances" in fail(2, "cli.py", "--evaluate", "--cache_output_dir", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_suspicious_loss_is_refused_without_yes(tmp_path):
    corpus = copy_voices(tmp_path / "corpus", ("p225", "p226"), 2)
    regenerate = ("cli.py", "--regenerate_full_cache", "--audio_dir", corpus, "--cache_output_dir", tmp_path / "cache")
    succeed(*regenerate)
    shutil.rmtree(corpus / "p226")
    assert "2 of 4 cached recordings are no longer in" in fail(2, *regenerate)
    assert "2 utterances of 1 speaker in all" in succeed(*regenerate, "--yes").stdout


def test_two_people_on_two_channels_are_told_and_one_can_be_taken(tmp_path):
    (left, rate), (right, _) = (soundfile.read(VOICES / name[:4] / f"{name}.flac") for name in ("p225_001", "p226_001"))
    (tmp_path / "calls" / "ann").mkdir(parents=True)
    length = min(len(left), len(right))
    both = np.stack([left[:length], right[:length]], axis=1)
    soundfile.write(tmp_path / "calls" / "ann" / "call.wav", both, rate)
    where = ("--audio_dir", tmp_path / "calls", "--cache_output_dir", tmp_path / "c")
    assert "different speech on the channels of 1 recording" in succeed("cli.py", "--update_cache", *where).stderr
    for channel, alone in (("1", left), ("2", right)):
        again = succeed("cli.py", "--update_cache", "--channel", channel, *where)
        assert "different speech" not in again.stderr
        cache = UtteranceCache.open(tmp_path / "c")
        signal = read_signal(cache.folder, *cache.utterances.values())
        np.testing.assert_allclose(signal, utterance_in(convert(alone[:length, None], rate).signal).signal, atol=1)
    (tmp_path / "calls").rename(tmp_path / "renamed")
    os.utime(tmp_path / "renamed" / "ann" / "call.wav", (1, 1))
    again = succeed("cli.py", "--update_cache", "--audio_dir", tmp_path / "renamed", *where[2:])
    assert "1 utterance of 1 speaker in all" in again.stdout and "different speech" not in again.stderr
    assert [one.channel for one in UtteranceCache.open(tmp_path / "c").utterances.values()] == [2]


def test_other_formats_are_counted_in_the_summary(tmp_path):
    corpus = copy_voices(tmp_path / "corpus", ("p225",), 2)
    for name in ("a.ape", "b.ape", "c.TTA"):
        (corpus / "p225" / name).touch()
    done = succeed("cli.py", "--update_cache", "--audio_dir", corpus, "--cache_output_dir", tmp_path / "cache")
    assert done.stdout.endswith("1 speaker in all; 3 files of formats that are not read (2 .ape, 1 .tta)\n")


@pytest.mark.parametrize(
    "case, speakers, said",
    [("voxceleb_layout", 2, "read as VoxCeleb"), ("sessions_inside_speakers", 3, "taken for a speaker and a session")],
)
def test_corpora_that_went_wrong(tmp_path, case, speakers, said):
    make = CASES / case / "make.py"
    if not make.is_file():
        pytest.skip("the cases are not here")
    assert run(make, tmp_path / "corpus").returncode == 0
    where = ("--audio_dir", tmp_path / "corpus", "--cache_output_dir", tmp_path / "c")
    tones = run("cli.py", "--update_cache", *where)
    assert tones.stderr.count("nobody speaks in it; --any_sound caches it all the same") == 12
    done = succeed("cli.py", "--update_cache", "--any_sound", *where)
    assert f"12 utterances of {speakers} speakers in all" in done.stdout
    assert said in done.stderr
