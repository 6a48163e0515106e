"""Run every check, and print what they find. Nothing is changed, and nothing that is found ends it early."""

import argparse
import logging
from collections.abc import Callable, Iterator

from commands.arguments import cache_dir
from commands.doctor.findings import FAULT, OK, WARNING, Finding, worst
from commands.results import print_json
from storage.counting import counted
from storage.errors import UserError
from storage.places import is_remote
from storage.text_table import printable

FAULT_STATUS = 1  # exit status where something is at fault

Check = Callable[[argparse.Namespace], Iterator[Finding]]


def _python(_args: argparse.Namespace) -> Iterator[Finding]:
    from commands.doctor.installation import check_python

    return check_python()


def _packages(_args: argparse.Namespace) -> Iterator[Finding]:
    from commands.doctor.installation import check_packages

    return check_packages()


def _network(_args: argparse.Namespace) -> Iterator[Finding]:
    from commands.doctor.installation import check_network

    return check_network()


def _variables(_args: argparse.Namespace) -> Iterator[Finding]:
    from commands.doctor.surroundings import check_variables

    return check_variables()


def _folders(args: argparse.Namespace) -> Iterator[Finding]:
    from commands.doctor.surroundings import check_folders

    return check_folders(args)


def _cache(args: argparse.Namespace) -> Iterator[Finding]:
    from commands.doctor.cache import check_cache

    return check_cache(args)


def _inputs(args: argparse.Namespace) -> Iterator[Finding]:
    from commands.doctor.cache import check_inputs

    return check_inputs(args)


def _runs(args: argparse.Namespace) -> Iterator[Finding]:
    from commands.doctor.runs import check_runs

    return check_runs(args)


def _profiles(args: argparse.Namespace) -> Iterator[Finding]:
    from commands.doctor.profiles import check_profiles

    return check_profiles(args)


def _disk(args: argparse.Namespace) -> Iterator[Finding]:
    from commands.doctor.surroundings import check_disk

    return check_disk(args)


def _machine(args: argparse.Namespace) -> Iterator[Finding]:
    from commands.doctor.surroundings import check_machine

    return check_machine(args)


# What each check needs is loaded when it is its turn, as it may be missing: that is a fault to tell of.
CHECKS: dict[str, Check] = {
    "Python": _python,
    "packages": _packages,
    "network": _network,
    "variables": _variables,
    "folders": _folders,
    "cache": _cache,
    "inputs": _inputs,
    "runs": _runs,
    "profiles": _profiles,
    "disk": _disk,
    "machine": _machine,
}


def doctor(args: argparse.Namespace) -> int:
    """Print what every check finds; returns the exit status, 1 where something is at fault.

    Raises:
        UserError: the cache is on an object store, of which the checks know nothing.
    """
    if is_remote(cache_dir(args)):
        raise UserError(f"--doctor looks at folders of this machine, and the cache is at {cache_dir(args)}")
    logging.disable(logging.INFO)  # which network is loaded is no news here
    try:
        findings = [finding for name, check in CHECKS.items() for finding in _examine(name, check, args)]
    finally:
        logging.disable(logging.NOTSET)
    if args.json:
        print_json({"result": worst(findings), "findings": [vars(finding) for finding in findings]})
    else:
        print("\n".join([*map(_as_text, findings), _summary(findings)]))
    return FAULT_STATUS if worst(findings) == FAULT else 0


def _examine(name: str, check: Check, args: argparse.Namespace) -> Iterator[Finding]:
    """What a check finds; a check that fails is a fault, too: whatever it met would stop other commands."""
    try:
        yield from check(args)
    except Exception as error:
        yield Finding(name, FAULT, f"could not be looked at: {error or ''} ({type(error).__name__})")


def _as_text(finding: Finding) -> str:
    message = printable(f"{finding.result:<8} {finding.check}: {finding.message}")
    return message if finding.command is None else f"{message}\n         mend: {finding.command}"


def _summary(findings: list[Finding]) -> str:
    faults, warnings = (sum(finding.result == result for finding in findings) for result in (FAULT, WARNING))
    if worst(findings) == OK:
        return "nothing is wrong"
    return f"{counted(faults, 'fault')}, {counted(warnings, 'warning')}"
