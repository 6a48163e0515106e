"""Names from a cache, whatever they hold, as text that can stand in any page, picture and table.

A name of a file may be no text at all, may turn the direction of what follows it, or may go on for ever. Markup needs
no care here: it is escaped where it is written.
"""

import unicodedata

LONGEST = 60  # characters of a name; the middle of a longer one is left out
ELLIPSIS = "…"
JOINERS = "\u200c\u200d"  # of letters in Persian and Indic scripts: not printable by themselves, and harmless
ISOLATE, END_OF_ISOLATE = "\u2068", "\u2069"  # round text from right to left, so that it does not turn its neighbours
BYTES = 0xDC80, 0xDCFF  # where Python keeps bytes that are not UTF-8
LOWEST_BYTE = 0xDC00


def shown(text: str, longest: int = LONGEST) -> str:
    """Return the text with signs that can't be shown as codes, in at most about `longest` characters."""
    safe = "".join(char if char.isprintable() or char in JOINERS else _code(char) for char in text[: 2 * longest])
    if len(safe) > longest or len(text) > 2 * longest:
        kept = (longest - 1) // 2
        tail = "".join(char if char.isprintable() else _code(char) for char in text[-kept:])[-kept:]
        safe = f"{safe[:kept]}{ELLIPSIS}{tail}"
    turns = any(unicodedata.bidirectional(char) in ("R", "AL") for char in safe)
    return f"{ISOLATE}{safe}{END_OF_ISOLATE}" if turns else safe


def _code(char: str) -> str:
    number = ord(char)
    if BYTES[0] <= number <= BYTES[1]:
        return f"\\x{number - LOWEST_BYTE:02x}"
    return f"\\u{number:04x}"
