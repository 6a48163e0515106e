"""The action that writes a trained checkpoint to files for others to use."""

import argparse
import logging
from collections.abc import Sequence

from cache.utterances import UtteranceCache
from commands.arguments import cache_dir, check_writable, listed_speakers, trained_checkpoint
from evaluation.calibrate import calibrate
from evaluation.error_rates import format_error_rates
from evaluation.training_cohort import training_cohort
from inference.encoder import SpeakerEncoder
from models.checkpoint import load_checkpoint, save_checkpoint
from models.onnx_export import export_network, with_calibration, with_cohort, without_training_state
from storage.atomic import write_atomically
from storage.counting import counted
from storage.digest import file_sha256
from storage.errors import UserError

NETWORK, CHECKPOINT = ".onnx", ".npz"  # suffixes of what can be written

logger = logging.getLogger("cli")


def export_model(args: argparse.Namespace) -> None:
    """Write the trained network as ONNX, or as a checkpoint without the state of its training.

    As far as the cache has speakers for that, the ONNX file gets a cohort of those of the training, and a calibration
    on those who were held out.
    """
    if wrong := [path for path in args.export_model if path.suffix not in (NETWORK, CHECKPOINT)]:
        raise UserError(f"expected files that end in {NETWORK} or {CHECKPOINT}. Received {wrong[0]}")
    for path in args.export_model:
        check_writable(path)
    source = trained_checkpoint(args)
    if source.resolve() in [path.resolve() for path in args.export_model]:
        raise UserError(f"{source} is what is exported; without its training's state it could not be continued")
    checkpoint = load_checkpoint(source)
    sha256 = file_sha256(source)
    for path in args.export_model:
        if path.suffix == CHECKPOINT:
            save_checkpoint(path, without_training_state(checkpoint))
            print(f"{path}: checkpoint without the state of its training")
            continue
        content, summary = _completed(args, export_network(checkpoint, sha256))
        write_atomically(path, content)
        print(f"{path}: network, {summary}")


def _completed(args: argparse.Namespace, exported: bytes) -> tuple[bytes, str]:
    """Add a cohort and a calibration to the network, as far as possible; returns it and a summary for people."""
    try:
        with UtteranceCache.reading(cache_dir(args)) as cache:
            exported = _with_cohort(exported, cache)
            return _calibrated(exported, cache, listed_speakers(args, cache.speakers()), args.force)
    except UserError as error:
        logger.warning("the exported network is not calibrated: %s", error)
        return exported, "not calibrated"


def _with_cohort(exported: bytes, cache: UtteranceCache) -> bytes:
    try:
        cohort = training_cohort(SpeakerEncoder.from_exported(exported), cache)
    except UserError as error:
        logger.warning("the exported network has no cohort, so its scores are plain cosines: %s", error)
        return exported
    logger.info("its cohort: %s of its training", counted(len(cohort.embeddings), "speaker"))
    return with_cohort(exported, cohort.as_json())


def _calibrated(exported: bytes, cache: UtteranceCache, named: Sequence[str], force: bool) -> tuple[bytes, str]:
    encoder = SpeakerEncoder.from_exported(exported)
    calibration = calibrate(encoder, cache, named or encoder.held_out, few_are_enough=force)
    source = calibration.source
    trials = (
        f"{counted(source.targets, 'trial')} of one speaker and {source.nontargets} of "
        f"{counted(source.pairs_of_strangers, 'pair')}"
    )
    speakers = f"{counted(source.speakers, 'speaker')} of {', '.join(source.corpora) or 'the cache'}"
    summary = f"calibrated on {trials}, {speakers}; {encoder.scoring}; Cllr {source.cllr:.3f} bits"
    return with_calibration(exported, calibration.as_json()), f"{summary}\n{format_error_rates(source.error_rates)}"
