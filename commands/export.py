"""A trained checkpoint to files for others to use."""

import argparse
import logging

from cache.utterances import UtteranceCache
from commands.arguments import cache_dir, listed_speakers, trained_checkpoint
from evaluation.calibrate import calibrate, format_error_rates
from inference.encoder import SpeakerEncoder
from models.checkpoint import load_checkpoint, save_checkpoint
from models.export import export_network, with_calibration, without_training_state
from models.exported import file_sha256
from storage.atomic import write_atomically
from storage.errors import UserError

NETWORK, CHECKPOINT = ".onnx", ".npz"  # suffixes of what can be written

logger = logging.getLogger("cli")


def export_model(args: argparse.Namespace) -> None:
    """Write the trained network as ONNX, calibrated where the cache has speakers for that; or as a lean checkpoint."""
    if wrong := [path for path in args.export_model if path.suffix not in (NETWORK, CHECKPOINT)]:
        raise UserError(f"expected files that end in {NETWORK} or {CHECKPOINT}. Received {wrong[0]}")
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
        content, about = _calibrated(args, export_network(checkpoint, sha256))
        write_atomically(path, content)
        print(f"{path}: network, {about}")


def _calibrated(args: argparse.Namespace, exported: bytes) -> tuple[bytes, str]:
    """The network calibrated, if that can be done, and what to say of it."""
    encoder = SpeakerEncoder.from_exported(exported)
    try:
        with UtteranceCache.reading(cache_dir(args)) as cache:
            calibration = calibrate(encoder, cache, listed_speakers(args, cache.speakers()) or encoder.held_out)
    except UserError as error:
        logger.warning("the exported network is not calibrated: %s", error)
        return exported, "not calibrated"
    about = calibration.about
    trials = f"{about['targets']} trials of one speaker and {about['nontargets']} of two"
    told = f"calibrated on {trials}, {about['speakers']} speakers of {', '.join(about['corpora']) or 'the cache'}"
    return with_calibration(exported, calibration.as_json()), f"{told}\n{format_error_rates(about['error_rates'])}"
