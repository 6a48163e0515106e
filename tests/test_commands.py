"""Every command of the README, in order, on the bundled samples and on real speech."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import ROOT, SPEECH, succeed

from batcher.splits import VCTK_TEST_SPEAKERS
from cache.utterances import UtteranceCache

STEPS = {"softmax": 60, "triplet": 30, "softmax_frozen": 30}


def vctk_like_samples(_folder: Path) -> Path:
    """The bundled voices, where they are."""
    return ROOT / "samples" / "voices"


def real_speech(folder: Path) -> Path:
    """Four VCTK and eight LibriSpeech speakers, two of them under the ids that are held out."""
    if not SPEECH.is_dir():
        pytest.skip(f"no real speech at {SPEECH}")
    wav48 = folder / "VCTK-Corpus" / "wav48"
    for speaker in sorted((SPEECH / "vctk").iterdir()):
        shutil.copytree(speaker, wav48 / speaker.name)
    for source, speaker in zip(sorted((SPEECH / "librispeech").iterdir()), ["p362", "p363", *"abcdef"]):
        target = wav48 / speaker
        target.mkdir()
        for recording in sorted(source.glob("*.flac"))[:12]:
            shutil.copy(recording, target / recording.name)
    return folder / "VCTK-Corpus"


@pytest.fixture(scope="module", params=[vctk_like_samples, pytest.param(real_speech, marks=pytest.mark.long)])
def trained(request, tmp_path_factory):
    """Run cache, inputs and the three stages; yields corpus and cache folder."""
    folder = tmp_path_factory.mktemp("pipeline")
    audio, cache = request.param(folder), folder / "cache"
    where = ("--multi_threading", "--cache_output_dir", cache, "--audio_dir", audio)
    succeed("cli.py", "--regenerate_full_cache", *where)
    succeed("cli.py", "--generate_training_inputs", *where)
    inputs = ("--data_filename", cache / "full_inputs.pkl")
    softmax, frozen = "--loss_on_softmax", "--freeze_embedding_weights"
    stages = {
        "softmax": (softmax,),
        "triplet": ("--loss_on_embeddings", "--normalize_embeddings"),
        "softmax_frozen": (softmax, frozen, "--normalize_embeddings"),
    }
    printed = {
        stage: succeed("train_cli.py", *flags, *inputs, "--max_steps", str(STEPS[stage])).stdout
        for stage, flags in stages.items()
    }
    return audio, cache, printed


def test_each_stage_prints_what_it_reached(trained):
    _, _, printed = trained
    for stage in ("softmax", "softmax_frozen"):
        accuracy = float(re.search(r"test utterance accuracy ([\d.]+) %", printed[stage])[1])
        assert accuracy > 50  # of nine or ten speakers, so chance is about ten
    loss = float(re.search(r"test loss ([\d.e-]+)", printed["triplet"])[1])
    assert loss < 0.1  # half the margin, which is what collapsed embeddings have


def test_each_run_folder_is_complete(trained):
    _, cache, _ = trained
    for stage, steps in STEPS.items():
        folder = cache / "runs" / stage
        names = {path.name for path in folder.iterdir()}
        assert {"options.json", "history.csv", "curves.png", "train", "test", "best.npz", "last.npz"} <= names
        assert pd.read_csv(folder / "history.csv")["step"].tolist() == [steps]
        assert (folder / "test" / "projector_config.pbtxt").is_file()


def test_unseen_speakers_are_near_themselves_and_far_from_each_other(trained):
    audio, cache, _ = trained
    where = ("--audio_dir", audio, "--cache_output_dir", cache)
    done = succeed("cli.py", "--unseen_speakers", "p362,p363", *where)
    sap = re.search(r"^SAP = (\S+) \(cosine distance p362 to p362 - same speaker\)$", done.stdout, re.M)
    san = re.search(r"^SAN = (\S+) \(cosine distance p362 to p363 - different speaker\)$", done.stdout, re.M)
    assert 0 <= float(sap[1]) < float(san[1]) <= 2
    assert "L2 norm 1" in done.stderr
    itself = succeed("cli.py", "--unseen_speakers", "p362,p362", *where)
    assert itself.stdout.splitlines() == done.stdout.splitlines()[:1]


def test_embeddings_are_printed_and_saved(trained, tmp_path):
    audio, cache, _ = trained
    output = tmp_path / "p225.npz"
    where = ("--audio_dir", audio, "--cache_output_dir", cache)
    done = succeed("cli.py", "--get_embeddings", "p225", *where, "--output", output)
    printed = np.array(done.stdout.split(), float)
    with np.load(output, allow_pickle=False) as saved:
        np.testing.assert_allclose(saved["embedding"], printed, atol=1e-6)
        assert saved["embeddings"].shape == (len(saved["utterances"]), len(printed))
    assert np.linalg.norm(printed) == pytest.approx(1, abs=1e-4)


def test_any_wav_files_can_be_added_and_compared(trained):
    _, cache, _ = trained
    new = ("--audio_dir", "./samples/PhilippeRemy/", "--cache_output_dir", cache)
    first = succeed("cli.py", "--update_cache", "--multi_threading", *new)
    assert ": 6 utterances added, 0 unchanged" in first.stdout
    again = succeed("cli.py", "--update_cache", "--multi_threading", *new)
    assert ": 0 utterances added, 6 unchanged" in again.stdout
    known = succeed("cli.py", "--unseen_speakers", "p225,PhilippeRemy", *new)
    assert "p225 was among the training speakers" in known.stderr
    assert known.stdout.count("\n") == 2


def test_held_out_speakers_are_evaluated_together(trained):
    _, cache, _ = trained
    done = succeed("cli.py", "--evaluate", "--cache_output_dir", cache, "--json")
    results = json.loads(done.stdout)["results"]
    held_out = [speaker for speaker in UtteranceCache.open(cache).speakers() if speaker.name in VCTK_TEST_SPEAKERS]
    assert len(held_out) > 1
    assert [result["cut"] for result in results] == [None, 5.0, 2.0, 1.0]
    for result in results:
        assert result["speakers"] == len(held_out)
        assert set(result["figures"]) == {"sap", "san", "eer", "min_dcf_0.01", "min_dcf_0.05"}
    whole = results[0]["figures"]
    assert whole["sap"]["value"] < whole["san"]["value"]


def test_the_first_release_s_name_for_training_still_works(trained):
    _, cache, printed = trained
    succeed("cli.py", "--update_cache", "--audio_dir", "samples/PhilippeRemy", "--cache_output_dir", cache)
    flags = ("--loss_on_softmax", "--freeze_embedding_weights", "--normalize_embeddings")
    done = succeed("train_triplet_softmax_model.py", *flags, "--max_steps", "30", CACHE_DIR=str(cache))
    assert done.stdout == printed["softmax_frozen"]  # the run is finished, and says again what it reached
    assert "finished" in done.stderr
    assert "was made of other recordings than the cache beside it holds now" in done.stderr
