"""Run what the README's figures come from, and print what it states beside what came out.

    python benchmarks/reproduce.py --quick
    python benchmarks/reproduce.py --cache CACHE --held_out FILE ... --corpus VCTK --resemblyzer PYTHON [--only PART]

`--quick` takes what needs nothing but the repository: its samples. The rest needs a cache of the real speech
(`make pretrained` fills `.pretrained/cache`), the lists of held-out speakers, for times a corpus of VCTK's shape, and
the Python of an environment with Resemblyzer. Parts that lack what they need are said not to have run. What a command
printed is kept in `--work`, so that an interrupted run goes on; `--again` runs all of it anew, as another version does.

Numbers that differ are marked with an exclamation mark: by anything where the same network and recordings must give
them again, by more than half where they are times. Ends with status 1 if there are any, and where the README no longer
states a figure as it is looked for.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from measure import ROOT, progress
from stated_figures import PARTS, Part

from storage.atomic import write_atomically
from storage.text_table import aligned

NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?")
GIVEN = ("cache", "held_out", "corpus", "resemblyzer")  # flags that parts may need
README = ROOT / "README.md"


def main() -> int:
    """Run the parts, print the table; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flag = parser.add_argument
    flag("--quick", action="store_true", help="only what the repository's samples are enough for")
    flag("--only", nargs="+", choices=[part.name for part in PARTS], metavar="PART", help="parts to run (default: all)")
    flag("--cache", help="of the real speech")
    flag("--held_out", nargs="+", metavar="FILE", help="lists of held-out speakers")
    flag("--corpus", help="recordings of VCTK's shape, to take times with")
    flag("--resemblyzer", metavar="PYTHON", help="of an environment that has it")
    flag("--work", type=Path, default=ROOT / ".reproduce", help="where results are kept (default: %(default)s)")
    flag("--again", action="store_true", help="run what was run before, too")
    args = parser.parse_args()
    readme = README.read_text(encoding="utf-8")
    rows, left_out = [], []
    for part in PARTS:
        if (args.quick and not part.quick) or (args.only and part.name not in args.only):
            continue
        if missing := [name for name in needs(part) if not getattr(args, name)]:
            left_out.append(f"not run: {part.name} needs {' and '.join(f'--{name}' for name in missing)}")
            continue
        rows += compared(part, part.stated(readme), part.obtained(printed(part, args)))
    print(aligned([("part", "figure", "stated", "obtained", ""), *rows]))
    print("\n".join([*left_out, f"{sum(bool(row[-1]) for row in rows)} of {len(rows)} figures differ"]))
    return int(any(row[-1] for row in rows))


def needs(part: Part) -> list[str]:
    """Which flags a part's command takes."""
    return [name for name in GIVEN if f"{{{name}}}" in part.command]


def printed(part: Part, args: argparse.Namespace) -> str:
    """What the part's command prints, or printed when it was run before.

    Raises:
        SystemExit: it failed.
    """
    command = list(words(part, args))
    kept = args.work / f"{part.name.replace(' ', '-')}-{digest(command)}.txt"
    if kept.is_file() and not args.again:
        progress(f"{part.name}: as printed before, by the same command and program ({kept})")
        return kept.read_text(encoding="utf-8")
    progress(f"+ {shlex.join(command)}")
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{part.name}: the command above ended with status {done.returncode}")
    write_atomically(kept, done.stdout)
    return done.stdout


def digest(command: list[str]) -> str:
    """A short digest of the command, and of the program as it is: results of another version are no results of this."""
    git = ("git", "-C", str(ROOT))
    states = ([*git, "rev-parse", "HEAD"], [*git, "diff", "HEAD"])
    program = [subprocess.run(state, capture_output=True, check=False).stdout for state in states]
    return sha256(b"\0".join([*map(os.fsencode, command), *program])).hexdigest()[:12]


def words(part: Part, args: argparse.Namespace) -> Iterator[str]:
    """The words of the part's command, with what was given."""
    given = {**vars(args), "python": sys.executable}
    yield sys.executable if part.command[0].endswith(".py") else "sh"
    for word in part.command:
        name = word.strip("{}")
        if word == f"{{{name}}}" and isinstance(given[name], list):
            yield from given[name]
        else:
            yield word.format(**given)


def compared(part: Part, stated: dict[str, str], obtained: dict[str, str]) -> Iterator[tuple[str, ...]]:
    """A row for each figure that is stated: the part, what it is of, both, and a mark if they differ."""
    if not stated:
        yield part.name, "all of them", "not found in the README", "", "!"
    for name, text in stated.items():
        if name not in obtained:
            yield part.name, name, text.strip(), "nothing", "!"
            continue
        theirs, ours = NUMBER.findall(text), NUMBER.findall(obtained[name])
        enough = len(ours) <= len(theirs) if part.beginning else len(ours) == len(theirs)
        agree = enough and bool(ours) and all(map(agrees, theirs, ours, [part.slack] * len(ours)))
        yield part.name, name, " ".join(theirs[: len(ours)]), " ".join(ours), "" if agree else "!"


def agrees(stated: str, obtained: str, slack: float) -> bool:
    """Whether two numbers are the same as far as the first is written out, or differ by a share of it at most."""
    decimals = len(stated.partition(".")[2])
    wanted, found = (float(text.replace(",", "")) for text in (stated, obtained))
    return abs(wanted - found) <= max(slack * abs(wanted), 0.51 * 10.0**-decimals)


if __name__ == "__main__":
    sys.exit(main())
