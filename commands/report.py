"""The report of an evaluation, as the flags --report, --report_dir and --report_without_audio ask for it."""

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cache.utterances import UtteranceCache
from commands.arguments import check_writable
from models.run_names import HISTORY, STAGES
from storage.counting import counted
from storage.errors import UserError

if TYPE_CHECKING:
    from evaluation.evaluate import Evaluation

SUFFIX = ".html"
PUBLISHED = "*.history.csv"  # histories beside a published network, a file for each stage

logger = logging.getLogger("cli")


def check_report(args: argparse.Namespace) -> None:
    """Refuse names of reports that can't be written, and load what draws, before any work is done.

    Raises:
        UserError: --report does not end in .html, or can't be written; or --report_dir holds other things.
        ModuleNotFoundError: a package that draws is not installed.
    """
    if args.report is not None:
        if args.report.suffix.lower() != SUFFIX:
            raise UserError(f"expected --report to end in {SUFFIX}. Received {args.report}")
        check_writable(args.report)
    if args.report is not None or args.report_dir is not None:
        from evaluation.report.folder import check_folder

        if args.report_dir is not None:
            check_folder(args.report_dir)


def write_reports(
    args: argparse.Namespace,
    found: "Evaluation",
    description: Mapping[str, object],
    cache: UtteranceCache,
    network: Path,
) -> None:
    """Write the page of --report and the pictures of --report_dir, where they are asked for.

    Args:
        found: what was evaluated.
        description: the settings that are told in the page.
        cache: where the recordings are, which nobody changes meanwhile.
        network: the file of the network, near which the histories of its stages are.
    """
    if args.report is None and args.report_dir is None:
        return
    from evaluation.report.folder import write_pictures
    from evaluation.report.page import write_report

    histories = histories_of(network)
    if args.report is not None:
        audio = not args.report_without_audio
        write_report(args.report, found.sets, found.results, description, cache, histories, audio)
        logger.info("wrote %s%s", args.report, ", which holds recordings of people's voices" if audio else "")
    if args.report_dir is not None:
        count = write_pictures(args.report_dir, found.sets, histories)
        logger.info("wrote %s to %s, each as PNG, SVG and CSV", counted(count, "picture"), args.report_dir)


def histories_of(network: Path) -> list[Path]:
    """The histories of the stages that a network was trained in, in their order, as far as they can be found.

    They are in the folders beside that of a checkpoint, `<run_dir>/<stage>/history.csv`, or beside a published network,
    as `<stage>.history.csv`.
    """
    runs = [network.parent.parent / stage / HISTORY for stage in STAGES]
    if network.parent.name in STAGES and network.parent / HISTORY in runs:
        return [path for path in runs if path.is_file()]
    by_stage = {path.name.partition(".")[0]: path for path in network.parent.glob(PUBLISHED)}
    return [by_stage[stage] for stage in STAGES if stage in by_stage]
