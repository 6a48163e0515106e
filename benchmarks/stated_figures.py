"""Where the README states figures, and which command prints each of them again."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

NETWORK = "models/pretrained/network.onnx"
HALF = 0.5  # of a time, by which it may differ: other machines, and what else they do

Rows = dict[str, str]  # a text with the numbers, by what they are of
Reader = Callable[[str], Rows]


@dataclass(frozen=True)
class Part:
    """Figures of the README that one command prints."""

    name: str
    command: Sequence[str]  # with {cache}, {held_out}, {corpus}, {speech}, {resemblyzer}, {work} where those go
    stated: Reader  # in the README
    obtained: Reader  # in what the command printed
    slack: float = 0.0  # how far a number may be off, as a share of it
    beginning: bool = False  # whether only the first numbers of a line are printed again
    quick: bool = False  # whether the repository's samples are enough, and a minute


def lines(label: str) -> Reader:
    """Take the lines in which the pattern `label` is found, and name them by it, or by its group."""

    def read(text: str) -> Rows:
        found = ((re.search(label, line), line) for line in text.splitlines())
        return {
            " ".join(match[match.lastindex or 0].split()): line.replace(match[0], " ") for match, line in found if match
        }

    return read


def block(after: str, label: str) -> Reader:
    """Take such lines of the first block of code behind a text."""

    def read(text: str) -> Rows:
        return lines(label)(text.partition(after)[2].partition("```\n")[2].partition("\n```")[0])

    return read


def table(after: str, **row_names: str) -> Reader:
    """Take the rows of the first Markdown table behind a text.

    Args:
        row_names: of rows whose first cell begins with a text, by which names they go here; all rows if not given.
    """

    def read(text: str) -> Rows:
        parts = text.partition(after)[2].split("\n\n")
        found = next((part for part in parts if part.lstrip().startswith("|")), "")
        cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in found.strip().splitlines()[2:]]
        rows = {plain(first): plain(" ".join(others)) for first, *others in cells}
        if not row_names:
            return rows
        return {
            name: text
            for name, beginning in row_names.items()
            for first, text in rows.items()
            if first.startswith(beginning)
        }

    return read


def plain(cell: str) -> str:
    """A cell without the signs of Markdown."""
    return re.sub(r"[`*]|\]\([^)]*\)|\[(?=[A-Z])", "", cell)


def figures(label: Callable[[dict], str], text: Callable[[dict], str], **wanted: object) -> Reader:
    """Make a name and a text of each JSON line whose fields are as wanted; a field is there if True is wanted."""

    def read(printed: str) -> Rows:
        rows = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
        kept = [row for row in rows if all(row.get(field) == value for field, value in wanted.items())]
        return {label(row): text(row) for row in kept}

    return read


def together(*readers: Reader) -> Reader:
    """Take what several readers find."""
    return lambda text: {name: row for reader in readers for name, row in reader(text).items()}


def interval(row: Mapping, name: str, decimals: int = 2, factor: float = 100) -> str:
    """A figure with its interval, as tables have it."""
    ends = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    value, low, high = ("nan" if end is None else f"{factor * end:.{decimals}f}" for end in ends)
    return f"{value} [{low}, {high}]"


def _compared(row: dict) -> str:
    systems = (interval(row, f"{whose}eer") for whose in ("", "resemblyzer_", "difference_"))
    return f"{row['speakers']} {' '.join(systems)}"


def _altered(row: dict) -> str:
    name = "false_accepts" if row["altered"] == "both" else "misses"
    return f"{row[name]:.1f} {interval(row, f'{name}_above', 1, 1)}"


def _both_ways(printed: str) -> Rows:
    both, one = (
        figures(lambda row: row["alteration"], _altered, benchmark="altered_recordings", altered=altered)(printed)
        for altered in ("both", "one")
    )
    return {name: f"{text} {one[name]}" for name, text in both.items()}


def _by_corpus(printed: str) -> Rows:
    rows: dict[str, list[str]] = {}
    for line in filter(lambda line: line.startswith("{"), printed.splitlines()):
        row = json.loads(line)
        if row["benchmark"] == "other_microphones":
            rows.setdefault(row["change"], []).append(f"{100 * row['eer']:.1f}")
    return {change: " ".join(texts) for change, texts in rows.items()}


def _microphones(text: str) -> Rows:
    """The README calls changes by what they are, and names them in brackets."""
    rows = table("intervals and other codecs are in what it prints")(text)
    named = {re.search(r"\((\w+)\)$", first)[1]: row for first, row in rows.items()}  # type: ignore[index]
    return {name: " ".join(row.split()[:-1]) for name, row in named.items()}  # without the mean


EVALUATED = r"^[a-z0-9]+(?:, across sessions)? +(?:\d+ +[\d/]+ +)?(?:whole|\d s) +(?:cosine|AS-norm)"
SPEED = "## Speed and memory"
SAMPLES = "It prints the commands it runs"

PARTS = (
    Part(
        "cache of the samples",
        ("cli.py", "--update_cache", "--audio_dir", "samples/voices", "--cache_output_dir", "{work}/.demo/cache"),
        block(SAMPLES, r"^\S*/(cache):(?=.* of 12 speakers)"),
        lines(r"^\S*/(cache):(?=.* of 12 speakers)"),
        quick=True,
    ),
    Part(
        "inputs of the samples",
        ("cli.py", "--generate_training_inputs", "--cache_output_dir", "{work}/.demo/cache"),
        block(SAMPLES, r"^\S*/(full_inputs.pkl):"),
        lines(r"^\S*/(full_inputs.pkl):"),
        quick=True,
    ),
    Part(
        "demo",
        ("samples/demo.sh", "{python}", "{work}/.demo"),
        block(SAMPLES, r"^(?:softmax|softmax_frozen|triplet), \d+ steps|\(cosine distance .*\)$"),
        lines(r"^(?:softmax|softmax_frozen|triplet), \d+ steps|\(cosine distance .*\)$"),
    ),
    Part(
        "held-out speakers",
        ("cli.py", "--evaluate", "--checkpoint", NETWORK, "--cache_output_dir", "{cache}"),
        block("prints, of whole utterances and their first 5, 2 and 1 s", EVALUATED),
        lines(EVALUATED),
    ),
    Part(
        "beside Resemblyzer",
        (
            "benchmarks/compare_resemblyzer.py",
            "{cache}",
            "--resemblyzer",
            "{resemblyzer}",
            "--keep",
            "{work}/resemblyzer.npz",
            "--test_speakers_file",
            "{held_out}",
        ),
        lambda text: {
            name: row for name, row in table("interval of the difference")(text).items() if name != "mean of the nine"
        },
        together(
            figures(lambda row: row["corpus"], _compared, benchmark="compare_resemblyzer", trials="all pairs"),
            figures(lambda row: f"{row['corpus']}, two calls", _compared, trials="two sessions"),
        ),
    ),
    Part(
        "altered recordings",
        ("benchmarks/altered_recordings.py", "{cache}", "--test_speakers_file", "{held_out}"),
        table("what counts is\nwhat an alteration adds"),
        _both_ways,
    ),
    Part(
        "other microphones",
        ("benchmarks/other_microphones.py", "{cache}", "--test_speakers_file", "{held_out}"),
        _microphones,
        _by_corpus,
    ),
    Part(
        "nobody speaks",
        ("benchmarks/no_speech.py",),
        lines(r"Nobody speaks: of"),
        figures(lambda row: "Nobody speaks: of", lambda row: f"{row['made']} {row['refused']}", sound="all"),
        beginning=True,
    ),
    Part(
        "verification",
        ("benchmarks/verify.py", "{corpus}", "--resemblyzer", "{resemblyzer}"),
        table("Measured by `python benchmarks/verify.py", verify="--verify"),
        figures(lambda row: "verify", lambda row: f"{row['best_seconds']:.2f}", benchmark="verify"),
        slack=HALF,
        beginning=True,
    ),
    Part(
        "cache and inputs",
        ("benchmarks/cache_and_inputs.py", "{corpus}", "--repeats", "2"),
        table(SPEED, cache="cache", inputs="training inputs"),
        together(
            figures(lambda row: "cache", lambda row: f"{row['x_real_time']:.0f}", benchmark="cache"),
            figures(lambda row: "inputs", lambda row: f"{row['x_real_time']:.0f}", benchmark="inputs"),
        ),
        slack=HALF,
        beginning=True,
    ),
    Part(
        "softmax step",
        ("benchmarks/training_step.py", "--hours", "10"),
        table(SPEED, softmax="a softmax step"),
        figures(lambda row: "softmax", lambda row: f"{row['network_ms']:.0f}", stage="softmax"),
        slack=HALF,
        beginning=True,
    ),
    Part(
        "embedding",
        ("benchmarks/embedding.py", "{cache}"),
        table(SPEED, embedding="embedding cached utterances"),
        figures(lambda row: "embedding", lambda row: f"{row['x_real_time']:.0f}", benchmark="embedding"),
        slack=HALF,
        beginning=True,
    ),
)
