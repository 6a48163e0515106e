"""The action that looks for shortcuts in a network and its training inputs."""

import argparse
import logging

import entry_point
from cache.utterances import UtteranceCache
from commands.arguments import cache_dir, listed_speakers, trained_checkpoint
from commands.results import print_json
from corpus.speakers import check_speakers
from evaluation.audit.report import findings_as_json, format_findings
from evaluation.audit.run import audit_network
from inference.encoder import SpeakerEncoder
from inference.network_choice import find_or_bundled

logger = logging.getLogger("cli")


def audit(args: argparse.Namespace) -> None:
    """Print what every test found, leaks or none."""
    with UtteranceCache.reading(cache_dir(args)) as cache:
        if args.checkpoint is not None or args.run_dir is not None:
            network = trained_checkpoint(args)
        else:
            network = find_or_bundled(entry_point.run_dir_of(cache.folder))
        named = listed_speakers(args, cache.speakers())
        check_speakers(named, cache.speakers())
        encoder = SpeakerEncoder(network)
        findings = audit_network(encoder, cache, named or encoder.held_out)
    if args.json:
        print_json(findings_as_json(findings, cache=str(cache.folder), checkpoint=encoder.origin))
    else:
        print(format_findings(findings))
