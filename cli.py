#!/usr/bin/env python3
"""Deep Speaker: who is speaking, in your recordings or in a corpus; and caches of recordings to train on."""

if __name__ == "__main__":  # before all that takes time to load
    from storage.interrupt import exit_quietly

    exit_quietly()

import argparse
import sys
from collections.abc import Callable

import entry_point
from commands.flags import MOST_SEED, MOST_WORKERS, channel, filled, names, open_share, path, place, speaker_from, whole
from commands.parser import Parser, parse

MOST_FILTERS = 128  # as audio.feature_settings has it, which would load NumPy
MOST_COPIES = 100  # disturbed, of each utterance


def _verify(args: argparse.Namespace) -> int:
    from commands.verification import verify

    return verify(args)


def _identify(args: argparse.Namespace) -> None:
    from commands.verification import identify

    identify(args)


def _cluster(args: argparse.Namespace) -> None:
    from commands.clustering import cluster_recordings

    cluster_recordings(args)


def _enroll(args: argparse.Namespace) -> None:
    from commands.enrolment import enroll

    enroll(args)


def _list_profiles(args: argparse.Namespace) -> None:
    from commands.enrolment import list_profiles

    list_profiles(args)


def _remove_profile(args: argparse.Namespace) -> None:
    from commands.enrolment import remove_profile

    remove_profile(args)


def _embed(args: argparse.Namespace) -> None:
    from commands.embedding import embed

    embed(args)


def _export_model(args: argparse.Namespace) -> None:
    from commands.export import export_model

    export_model(args)


def _regenerate_full_cache(args: argparse.Namespace) -> None:
    from commands.cache import regenerate_full_cache

    regenerate_full_cache(args)


def _update_cache(args: argparse.Namespace) -> None:
    from commands.cache import update_cache

    update_cache(args)


def _generate_training_inputs(args: argparse.Namespace) -> None:
    from commands.cache import generate_training_inputs

    generate_training_inputs(args)


def _unseen_speakers(args: argparse.Namespace) -> None:
    from commands.cached_speakers import unseen_speakers

    unseen_speakers(args)


def _get_embeddings(args: argparse.Namespace) -> None:
    from commands.cached_speakers import get_embeddings

    get_embeddings(args)


def _evaluate(args: argparse.Namespace) -> None:
    from commands.evaluation import evaluate

    evaluate(args)


def _compare(args: argparse.Namespace) -> None:
    from commands.evaluation import compare

    compare(args)


def _calibrate(args: argparse.Namespace) -> None:
    from commands.calibration import calibrate

    calibrate(args)


def _audit(args: argparse.Namespace) -> None:
    from commands.audit import audit

    audit(args)


def _forget(args: argparse.Namespace) -> None:
    from commands.forget import forget

    forget(args)


def _list_runs(args: argparse.Namespace) -> None:
    from commands.run_table import list_runs

    list_runs(args)


def _doctor(args: argparse.Namespace) -> int:
    from commands.doctor.examination import doctor

    return doctor(args)


# Each flag that is an action, and what it calls; a command's module, and what that needs, is loaded only then.
ACTIONS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "verify": _verify,
    "identify": _identify,
    "cluster": _cluster,
    "enroll": _enroll,
    "list_profiles": _list_profiles,
    "remove_profile": _remove_profile,
    "embed": _embed,
    "export_model": _export_model,
    "regenerate_full_cache": _regenerate_full_cache,
    "update_cache": _update_cache,
    "generate_training_inputs": _generate_training_inputs,
    "unseen_speakers": _unseen_speakers,
    "get_embeddings": _get_embeddings,
    "evaluate": _evaluate,
    "compare": _compare,
    "calibrate": _calibrate,
    "audit": _audit,
    "forget": _forget,
    "list_runs": _list_runs,
    "doctor": _doctor,
}
PROFILE_ACTIONS = ("enroll", "identify", "list_profiles", "remove_profile")
MEASURES = ("evaluate", "compare", "calibrate")
FILLS_CACHE = ("regenerate_full_cache", "update_cache")
AFTER_INTERRUPTION = {  # what is to be said then; of the others, that nothing was changed
    **dict.fromkeys(FILLS_CACHE, "--update_cache completes the cache"),
    **dict.fromkeys(("evaluate", "compare", "calibrate"), "the same command goes on with the embeddings that are kept"),
}
PRINT_JSON = (
    *("verify", "cluster", "embed", "generate_training_inputs", "audit", "list_runs", "doctor"),
    *PROFILE_ACTIONS, *MEASURES, *FILLS_CACHE,
)  # fmt: skip
SHARED_OUT = (*FILLS_CACHE, "generate_training_inputs", "embed", *MEASURES)  # among workers
GOES_WITH = {  # flag: actions
    "scheduler": SHARED_OUT,
    "output": ("embed", "get_embeddings"),
    "trials": MEASURES,
    "score_norm": ("evaluate", "compare"),
    "scores": ("evaluate",),
    "report": ("evaluate",),
    "report_dir": ("evaluate",),
    "report_without_audio": ("evaluate",),
    "speaker_info": ("evaluate",),
    "by": ("evaluate",),
    "calibration": ("verify", "identify", "enroll", "cluster"),
    "force": ("calibrate", "export_model"),
    "json": PRINT_JSON,
    "add": ("enroll",),
    "full_ranking": ("identify",),
    "profiles": (*PROFILE_ACTIONS, "forget", "doctor"),
    "links": ("cluster",),
    "channel": ("verify", "identify", "cluster", "enroll", "embed", *FILLS_CACHE),
    "prior": ("verify", "identify", "cluster"),
    "max_false_accept": ("verify", "identify", "cluster"),
    "exit_verdict": ("verify",),
    "manifest": FILLS_CACHE,
    "corpus": FILLS_CACHE,
    "speaker_from": FILLS_CACHE,
    "any_sound": FILLS_CACHE,
    "split_by": ("generate_training_inputs",),
    "num_cepstra": ("generate_training_inputs",),
    "num_filters": ("generate_training_inputs",),
    "disturbed_copies": ("generate_training_inputs",),
    "noise_dir": ("generate_training_inputs",),
    "rir_dir": ("generate_training_inputs",),
}


def main() -> int:
    """Parse the command line and carry out its action; returns the exit status."""
    parser = build_parser()
    args = parse(parser)
    action = next(action for action in ACTIONS if getattr(args, action) not in (None, False))
    check_flags(parser, args, action)
    return entry_point.run(
        lambda: ACTIONS[action](args),
        AFTER_INTERRUPTION.get(action, "nothing was changed"),
    )


def check_flags(parser: argparse.ArgumentParser, args: argparse.Namespace, action: str) -> None:
    """End with status 2 where flags contradict each other."""
    for flag, actions in GOES_WITH.items():
        if getattr(args, flag) != parser.get_default(flag) and action not in actions:
            parser.error(f"--{flag} goes with {', '.join(f'--{name}' for name in actions)}")
    if args.trials is not None and (args.test_speakers is not None or args.test_speakers_file is not None):
        parser.error("--trials names its speakers itself; --test_speakers and --test_speakers_file do not go with it")
    if args.by is not None and args.speaker_info is None:
        parser.error("--by names columns of --speaker_info FILE, which is missing")
    if args.report_without_audio and args.report is None:
        parser.error("--report_without_audio leaves the recordings out of --report FILE.html, which is missing")
    if args.scheduler is not None and (args.multi_threading or args.num_workers is not None):
        parser.error("--scheduler names workers elsewhere; --num_workers and --multi_threading are for those of this "
                     "machine")  # fmt: skip
    if args.manifest is not None and (args.audio_dir is not None or args.speaker_from is not None):
        parser.error("--manifest stands in place of --audio_dir, and names the speakers itself")
    if action == "compare" and len(args.compare) < 2:
        parser.error("--compare expects two networks or more")
    if action == "enroll" and len(args.enroll) < 2:
        parser.error("--enroll expects a name and at least one recording of that speaker")
    if action == "generate_training_inputs":
        _check_features(parser, args)
        if not args.disturbed_copies and (args.noise_dir is not None or args.rir_dir is not None):
            parser.error("--noise_dir and --rir_dir are for disturbed copies, of which --disturbed_copies 0 makes none")
    if action == "embed" and args.output is None:
        parser.error("--embed wants the file to write: --output FILE.npz or FILE.csv")


def _check_features(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    from audio.feature_settings import FeatureSettings  # loads NumPy, which the other flags need not wait for

    try:
        FeatureSettings.fitting(num_filters=args.num_filters, num_cepstra=args.num_cepstra)
    except ValueError as error:
        parser.error(f"--num_cepstra and --num_filters do not fit: {error}")


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = Parser(__doc__, "ACTION")
    for add in (_add_actions, _add_folders, _add_decisions, _add_corpora, _add_cache_and_inputs):
        add(parser)
    return parser


def _add_actions(parser: argparse.ArgumentParser) -> None:
    flag = parser.add_argument_group("actions, one at a time").add_mutually_exclusive_group(required=True).add_argument
    flag("--verify", nargs=2, type=filled, metavar=("A", "B"), help="are two recordings of one speaker? Files of any "
         "usual format, or - for standard input, as with the next actions")  # fmt: skip
    flag("--identify", nargs="+", type=filled, metavar="FILE|FOLDER",
         help="which enrolled speaker is it, if any? For each "
         "recording, and those in folders at any depth")  # fmt: skip
    flag("--cluster", nargs="+", type=filled, metavar="FILE|FOLDER", help="who is who? Say which recordings, and of "
         "those in folders at any depth, are of one person, without anybody enrolled")  # fmt: skip
    flag("--enroll", nargs="+", type=filled, metavar=("NAME", "FILE|FOLDER"), help="enrol a speaker by "
         "recordings, best 3 s or more, and by those in folders at any depth")  # fmt: skip
    flag("--list_profiles", action="store_true", help="print who is enrolled")
    flag("--remove_profile", metavar="NAME", help="forget an enrolled speaker")
    flag("--embed", nargs="+", type=filled, metavar="FILE|FOLDER", help="write the embeddings of recordings, and "
         "of those in folders at any depth, to --output")  # fmt: skip
    flag("--export_model", nargs="+", type=path, metavar="FILE", help="write the trained network: to FILE.onnx, "
         "calibrated on the cache's held-out speakers; or to FILE.npz, a checkpoint to train from")  # fmt: skip
    flag("--regenerate_full_cache", action="store_true", help="make the cache anew from --audio_dir or --manifest")
    flag("--update_cache", action="store_true", help="add the new and changed recordings of --audio_dir or "
         "--manifest to the cache")  # fmt: skip
    flag("--generate_training_inputs", action="store_true", help="write the cache's full_inputs.pkl")
    flag("--unseen_speakers", metavar="A,B", help="print the cosine distances A to A (SAP) and A to B (SAN)")
    flag("--get_embeddings", metavar="A", help="print the embedding of a cached speaker")
    flag("--evaluate", action="store_true", help="print SAP, SAN, EER, minDCF, actDCF, Cllr and minCllr over all "
         "held-out speakers, with intervals, by corpus and by sessions, for whole utterances and their first 5, 2 and "
         "1 s (shorter ones stay whole), by cosines and by AS-norm")  # fmt: skip
    flag("--compare", nargs="+", type=filled, metavar="RUN", help="which of several networks is better, on the same "
         "speakers and trials, and is that noise? A run's folder, a checkpoint, an exported network, or "
         "'bundled'")  # fmt: skip
    flag("--calibrate", type=path, metavar="FILE", help="fit log-likelihood ratios, verdicts and thresholds on "
         "speakers of your own, whom the network was not trained on: those of the cache, of --trials or of --audio_dir "
         "(a folder for each); FILE goes with --verify --calibration")  # fmt: skip
    flag("--audit", action="store_true", help="look for shortcuts that a network or the training inputs take: speakers "
         "on both sides, copies, level, channels, sessions, noise. Prints each finding in words; status 0 also where "
         "there is a leak")  # fmt: skip
    flag("--forget", action="store_true", help="delete the enrolled speakers, after asking or with --yes: the store "
         "of --profiles, its lock, and in the usual folder what a killed enrolment left. The cache, and networks "
         "trained in it, are named with their size and left")  # fmt: skip
    flag("--list_runs", action="store_true", help="print what was trained in --run_dir, set aside or not: step, date, "
         "last and best loss and accuracy, speakers, whether it is finished, and the settings that differ")  # fmt: skip
    flag("--doctor", action="store_true", help="look at Python, packages, network, folders, cache, inputs, runs, "
         "profiles, disk and cores, change nothing, and print the command that mends each fault; ends with status 1 "
         "where there is a fault, 0 with warnings only")  # fmt: skip


def _add_folders(parser: argparse.ArgumentParser) -> None:
    flag = parser.add_argument_group("files and folders").add_argument
    flag("--audio_dir", type=place, metavar="DIR", help="recordings to cache: VCTK, LibriSpeech, VoxCeleb, CN-Celeb, "
         "VoxForge, AISHELL, Common Voice, Speech Commands, or a folder per speaker "
         "(default: $AUDIO_DIR, else $DS_DIR/VCTK-Corpus, else the samples)")  # fmt: skip
    flag("--manifest", type=path, metavar="FILE", help="recordings to cache, instead: CSV or TSV with the columns "
         "path, speaker, and if you like utterance, session, start, end; JSON lines of NeMo or Lhotse; a Kaldi data "
         "folder")  # fmt: skip
    flag("--cache_output_dir", type=place, metavar="DIR", help="the cache "
         "(default: $CACHE_DIR, else $DS_DIR/cache; DS_DIR is ~/deep-speaker-data unless set)")  # fmt: skip
    flag("--run_dir", type=path, metavar="DIR", help="trained networks (default: runs/ in the cache)")
    flag("--checkpoint", type=path, metavar="FILE", help="network to use, a checkpoint or an exported one (default: in "
         "--run_dir, the triplet stage's last, else the softmax stage's; for recordings of your own, or where none was "
         "trained, the bundled one)")  # fmt: skip
    flag("--profiles", type=path, metavar="STORE", help="enrolled speakers (default: deep-speaker/profiles.npz in the "
         "user's data folder)")  # fmt: skip
    flag("--add", action="store_true",
         help="with --enroll: add the recordings to a speaker who is enrolled already. The "
         "same recording is not counted twice, unless it was converted or cut in between")  # fmt: skip
    flag("--links", type=path, metavar="DIR", help="with --cluster: make this folder, with a sub-folder of links to "
         "the recordings for each person")  # fmt: skip
    flag("--output", type=path, metavar="FILE", help="with --embed: save the embeddings here, .npz or .csv; with "
         "--get_embeddings: .npz")  # fmt: skip


def _add_decisions(parser: argparse.ArgumentParser) -> None:
    flag = parser.add_argument_group("decisions and results").add_argument
    flag("--prior", type=open_share, default=0.5, metavar="P", help="how probable one speaker is before listening; "
         "with --identify, an enrolled one; with --cluster, that two recordings are of one")  # fmt: skip
    flag("--max_false_accept", type=open_share, metavar="P", help="accept so strictly that the share P of wrong "
         "speakers passes, whatever the prior")  # fmt: skip
    flag("--channel", type=channel, metavar="1|2|mix", help="of recordings with several channels, take this one, or "
         "their mean (default: the best one; their mean, with a remark, where they differ; a cache keeps to the "
         "channel that was asked for, unless a file is renamed)")  # fmt: skip
    flag("--calibration", type=path, metavar="FILE", help="with --verify, --identify, --enroll and --cluster: judge by "
         "this file of --calibrate (default: the network's own calibration)")  # fmt: skip
    flag("--force", action="store_true", help="with --calibrate and --export_model: calibrate on fewer than 20 "
         "speakers")  # fmt: skip
    flag("--exit_verdict", action="store_true", help="with --verify: end with status 1 for different speakers")
    flag("--json", action="store_true", help="print a JSON object")
    flag("--full_ranking", action="store_true", help="with --identify: print the nearest speakers of each recording, "
         "also where there are several recordings (default: a line for each of several)")  # fmt: skip
    flag("--score_norm", choices=("none", "as"), help="with --evaluate: score trials by cosine only, or only by how "
         "far that stands out of the cosines with speakers of the training, the network's cohort (default: both, where "
         "the network has one)")  # fmt: skip
    flag("--trials", type=path, metavar="FILE", help="with --evaluate: score this list instead, in VoxCeleb's "
         "form ('1 A B' for the same speaker, '0 A B' for two) or Kaldi's ('A B target', 'A B nontarget')")  # fmt: skip
    flag("--scores", type=path, metavar="FILE", help="with --evaluate: write every trial's scores and log-likelihood "
         "ratios, a line each, separated by tabs")  # fmt: skip
    flag("--report", type=path, metavar="FILE.html", help="with --evaluate: write a page with curves, histograms, a "
         "map of the voices and the worst trials, which holds their recordings")  # fmt: skip
    flag("--report_dir", type=path, metavar="DIR", help="with --evaluate: write each of these pictures as PNG and "
         "SVG, and its numbers as CSV")  # fmt: skip
    flag("--report_without_audio", action="store_true", help="leave the recordings out of --report")
    flag("--speaker_info", type=path, metavar="FILE", help="with --evaluate: a table of the speakers, such as VCTK's "
         "speaker-info.txt; who shares a property is measured apart, too")  # fmt: skip
    flag("--by", type=names, metavar="COLUMN,...", help="columns of --speaker_info (default: gender)")


def _add_corpora(parser: argparse.ArgumentParser) -> None:
    flag = parser.add_argument_group("who speaks, and who is held out").add_argument
    flag("--microphone", choices=("mic1", "mic2", "both"), default="mic1", help="of VCTK 0.92's two microphones")
    flag("--speaker_from", type=speaker_from, metavar="N|REGEX", help="who speaks, if that is misunderstood: the "
         "number of a folder below --audio_dir, -1 for the one that holds the file; or a regular expression for the "
         "path, with a group 'speaker', if you like 'session' and 'utterance' (default: by the layout)")  # fmt: skip
    flag("--corpus", type=filled, metavar="NAME", help="what the corpus is called (default: its folder's name)")
    flag("--test_speakers", type=names, metavar="A,B,...", help="speakers held out from training "
         "(default: VCTK's p362,p363,p364,p374,p376; for --evaluate and --audit those of the network)")  # fmt: skip
    flag("--test_speakers_file", nargs="+", action="extend", type=path, metavar="FILE", help="the same from files, "
         "one a line, as name or corpus/name")  # fmt: skip


def _add_cache_and_inputs(parser: argparse.ArgumentParser) -> None:
    flag = parser.add_argument_group("cache and inputs").add_argument
    flag("--multi_threading", action="store_true", help="use every core")
    flag("--num_workers", type=whole(1, MOST_WORKERS), metavar="N", help="use N processes "
         "(default: one per core with --multi_threading and to embed many recordings, else 1)")  # fmt: skip
    flag("--scheduler", metavar="ADDRESS", help="use the workers of a Dask cluster, by its scheduler, as "
         "tcp://host:8786; they must see the recordings and the cache by the same paths")  # fmt: skip
    flag("--any_sound", action="store_true", help="cache recordings in which nobody seems to speak, too: a voice that "
         "sings or whispers may be taken for none")  # fmt: skip
    flag("--split_by", choices=("utterance", "session"), default="utterance", help="keep the last fifth of each "
         "speaker's utterances to test with, or of the sessions, whole")  # fmt: skip
    flag("--num_cepstra", type=whole(1, MOST_FILTERS), default=20, metavar="N",
         help="of training inputs; the features are these "
         "with their first and second derivatives. v1 had 13")  # fmt: skip
    flag("--num_filters", type=whole(1, MOST_FILTERS), default=32, metavar="N",
         help="mel filters of training inputs, up to 128; "
         "v1 had 26")  # fmt: skip
    flag("--disturbed_copies", type=whole(0, MOST_COPIES), default=2, metavar="N",
         help="of each training utterance, as rooms, "
         "telephones and phone apps would have handed it on; 0 for none")  # fmt: skip
    flag("--noise_dir", type=path, metavar="DIR", help="noises for these copies, of any format, beside those that are "
         "made up: MUSAN, RIRS_NOISES, or a folder of your own, without anybody who is held out")  # fmt: skip
    flag("--rir_dir", type=path, metavar="DIR", help="the same of rooms' impulse responses")
    flag("--seed", type=whole(0, MOST_SEED), default=0, metavar="N",
         help="of the disturbed copies, and of the dither noise in the "
         "features")  # fmt: skip
    flag("--yes", action="store_true", help="do not ask before the old cache is replaced or, with --forget, the "
         "enrolled are deleted, nor refuse to delete many utterances of a cache")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
