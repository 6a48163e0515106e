"""`cli.py --evaluate` as a user runs it: table, JSON, trial list. (Figures: test_held_out.py, test_trial_list.py.)"""

import csv
import dataclasses
import json

import keras
import numpy as np
import pytest
import tiny
from command_line import fail, succeed

from audio.feature_settings import FeatureSettings
from inference.cohort import Cohort
from inference.encoder import SpeakerEncoder
from models.checkpoint import load_checkpoint, save_checkpoint
from models.onnx_export import export_network, with_cohort

TRIALS = "1 p225/p225_001 p225/p225_002\n1 p362/p362_001 p362/p362_003\n0 p225/p225_001 p362/p362_002\n"
FIGURES = ["sap", "san", "eer", "min_dcf_0.01", "min_dcf_0.05"]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A network that learnt nothing, of p226."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    options = tiny.TinyNetworkOptions(feature_size=FeatureSettings().size)
    description = {
        "network": dataclasses.asdict(options),
        "features": dataclasses.asdict(FeatureSettings()),
        "trained_on": ["p226"],
        "held_out": ["p225", "p226", "p362"],
        "step": 60,
    }
    path = tmp_path_factory.mktemp("network") / "last.npz"
    save_checkpoint(path, tiny.checkpoint(description, tiny.state(options).arrays()))
    return path


@pytest.fixture
def evaluate(network, cache_template):
    return ("cli.py", "--evaluate", "--cache_output_dir", cache_template, "--checkpoint", network)


def test_json_alone_goes_to_stdout(evaluate, network, cache_template):
    done = succeed(*evaluate, "--json")
    content = json.loads(done.stdout)
    about = {"path": str(network), "stage": "softmax", "step": 60, "finished": True}
    assert (content["checkpoint"], content["cache"], content["left_out"]) == (
        about,
        str(cache_template),
        ["corpus/p226"],
    )
    assert {result["score_norm"] for result in content["results"]} == {"none"}  # the network has no cohort
    assert content["speakers"] == {"corpus": ["corpus/p225", "corpus/p362"]}
    assert content["ratios_by"] == {"none": "nobody"}
    assert [result["cut"] for result in content["results"]] == [None, 5.0, 2.0, 1.0]
    for result in content["results"]:
        assert (result["speakers"], result["utterances"], result["targets"], result["nontargets"]) == (2, 10, 20, 25)
        assert list(result["figures"]) == FIGURES
    assert "left out, as the network was trained on them: corpus/p226" in done.stderr


def test_a_trial_list_is_scored(evaluate, tmp_path):
    (tmp_path / "veri.txt").write_text(TRIALS)
    header, *lines = succeed(*evaluate, "--trials", tmp_path / "veri.txt").stdout.splitlines()
    assert " ".join(header.split()) == "trials speakers utterances cut scores EER in % minDCF 0.01 minDCF 0.05"
    assert [line.split()[:3] for line in lines[:1]] == [["veri.txt", "2", "5"]]
    assert lines[-2].startswith("(ratios of cosine scores: by nobody: the speakers are too few")
    assert lines[-1] == "speakers of veri.txt: p225, p362"


def test_every_trial_is_written_with_its_scores(evaluate, tmp_path):
    (tmp_path / "veri.txt").write_text(TRIALS)
    done = succeed(*evaluate, "--trials", tmp_path / "veri.txt", "--scores", tmp_path / "scores.tsv")
    assert "wrote the scores of 12 trials" in done.stderr  # 3 at each of 4 lengths
    header, *rows = csv.reader((tmp_path / "scores.tsv").open(), delimiter="\t")
    assert header == ["source", "cut", "first", "second", "target", "cosine"]
    assert [row[:5] for row in rows[:3]] == [
        ["veri.txt", "whole", "corpus/p225/p225_001", "corpus/p225/p225_002", "1"],
        ["veri.txt", "whole", "corpus/p362/p362_001", "corpus/p362/p362_003", "1"],
        ["veri.txt", "whole", "corpus/p225/p225_001", "corpus/p362/p362_002", "0"],
    ]
    assert all(-1 <= float(row[5]) <= 1 for row in rows)


def test_what_is_read_is_not_written_over(evaluate, tmp_path):
    (tmp_path / "veri.txt").write_text(TRIALS)
    line = fail(2, *evaluate, "--trials", tmp_path / "veri.txt", "--scores", tmp_path / "veri.txt")
    assert "veri.txt is read by this command, and would be overwritten" in line
    assert (tmp_path / "veri.txt").read_text() == TRIALS


def test_speakers_are_measured_by_a_property(evaluate, tmp_path):
    (tmp_path / "info.txt").write_text("ID AGE GENDER\np225 23 F\np226 22 M\np362 29 F\n")
    content = json.loads(succeed(*evaluate, "--json", "--speaker_info", tmp_path / "info.txt").stdout)
    assert [one["subset"] for one in content["results"][:2]] == ["", "gender F"]
    assert content["results"][0]["figures"]["eer"] == content["results"][1]["figures"]["eer"]
    line = fail(2, *evaluate, "--speaker_info", tmp_path / "info.txt", "--by", "accent")
    assert "has no column 'accent', nearest: " in line


def test_networks_are_compared_on_the_same_trials(evaluate, network):
    where = evaluate[2:-2]
    done = succeed("cli.py", "--compare", network, "bundled", *where, "--test_speakers", "p225,p362")
    header, *lines = done.stdout.splitlines()
    assert header.split()[:4] == ["corpus", "cut", "speakers", "measure"] and header.endswith(f"bundled less {network}")
    assert lines[-3].endswith(f"2 speakers can't tell bundled and {network} apart.")
    assert lines[-1].startswith("(bundled: by AS-norm scores; ratios by nobody")
    content = json.loads(
        succeed("cli.py", "--compare", network, "bundled", *where, "--test_speakers", "p225,p362", "--json").stdout
    )
    assert [one["name"] for one in content["networks"]] == [str(network), "bundled"]
    assert content["results"][0]["differences"][0]["low"] is None
    assert "expects two networks" in fail(2, "cli.py", "--compare", "bundled", *where)
    assert "no trained network in" in fail(2, "cli.py", "--compare", "bundled", network.parent.parent, *where)


def test_a_list_with_a_speaker_of_the_training_is_refused(evaluate, tmp_path):
    (tmp_path / "veri.txt").write_text(f"{TRIALS}0 p225/p225_001 p226/p226_001\n")
    line = fail(2, *evaluate, "--trials", tmp_path / "veri.txt")
    assert "veri.txt, line 4: the network was trained on corpus/p226" in line


def test_a_network_with_a_cohort_is_judged_by_normalised_scores_unless_told_otherwise(evaluate, network, tmp_path):
    rng = np.random.default_rng(0)
    size = SpeakerEncoder(network).embedding_size
    exported = export_network(load_checkpoint(network))
    cohort = Cohort.from_embeddings(rng.normal(size=(100, size)))
    (tmp_path / "a.onnx").write_bytes(with_cohort(exported, cohort.as_json()))
    with_it = (*evaluate[:-1], tmp_path / "a.onnx", "--json")
    by_default, cosines, plain = (
        json.loads(succeed(*command).stdout)
        for command in (with_it, (*with_it, "--score_norm", "none"), (*evaluate, "--json"))
    )
    norms = [[row["score_norm"] for row in one["results"][:2]] for one in (by_default, cosines, plain)]
    assert norms == [["none", "as"], ["none", "none"], ["none", "none"]]
    assert cosines["results"] == plain["results"] == by_default["results"][::2]


def test_normalised_scores_want_a_cohort_or_the_training_s_speakers(evaluate):
    line = fail(2, *evaluate, "--score_norm", "as")
    assert "holds 1 of the 1 speakers that the network was trained on, and scores are normalised by 100 or more" in line


def test_speakers_are_listed_in_several_files(evaluate, tmp_path):
    for name in ("p225", "p362"):
        (tmp_path / name).write_text(name)
    for flags in (("--test_speakers_file", tmp_path / "p225", tmp_path / "p362"),
                  ("--test_speakers_file", tmp_path / "p225", "--test_speakers_file", tmp_path / "p362")):  # fmt: skip
        content = json.loads(succeed(*evaluate, "--json", *flags).stdout)
        assert content["results"][0]["speakers"] == 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--update_cache", "--score_norm", "as"), "--score_norm goes with --evaluate, --compare"),
        (("--get_embeddings", "p225", "--json"), "--json goes with --verify, "),
        (("--update_cache", "--trials", "veri.txt"), "--trials goes with --evaluate, --compare"),
        (("--evaluate", "--by", "gender"), "--by names columns of --speaker_info FILE, which is missing"),
        (("--evaluate", "--trials", "veri.txt", "--test_speakers", "p225"), "names its speakers itself"),
        (("--evaluate", "--trials", "veri.txt", "--test_speakers_file", "dev.txt"), "names its speakers itself"),
    ],
)
def test_contradictory_flags_are_a_user_s_mistake(flags, message):
    assert message in fail(2, "cli.py", *flags)
