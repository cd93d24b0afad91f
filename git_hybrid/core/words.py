"""Numbers in words, the one place that knows the plural; and what hints are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from errno import ENOENT

_SHOWN_NAMES = 10
_PLURALS = {
    "breach": "breaches",
    "entry": "entries",
    "try": "tries",
    "copy": "copies",
    "repository": "repositories",
    "is": "are",
    "was": "were",
    "has": "have",
    "does": "do",
}


def counted(number: int, word: str) -> str:
    """Return *number* with the *word* that it counts, such as ``1 file`` or ``1,200 files``."""
    return f"{number:,} {plural(number, word)}"


def findings_told(counts: Mapping[str, int]) -> str:
    """Return how many findings a scan had in all, and of each severity, such as ``2 findings (1 high, 1 low)``."""
    parts = ", ".join(f"{number:,} {level}" for level, number in counts.items() if number)
    return counted(sum(counts.values()), "finding") + (f" ({parts})" if parts else "")


def plural(number: int, word: str) -> str:
    """Return *word* as it stands beside *number*; of several words the last one changes."""
    if number == 1:
        return word
    *before, last = word.split(" ")
    return " ".join([*before, _PLURALS.get(last, f"{last}s")])


def some(names: Sequence[str]) -> str:
    """Return *names* with commas; of many the first ten, and how many there are besides."""
    left = len(names) - _SHOWN_NAMES
    return ", ".join(names) if left <= 0 else f"{', '.join(names[:_SHOWN_NAMES])} and {counted(left, 'other')}"


def sized(number: int) -> str:
    """Return a number of bytes for people, such as ``512 B``, ``12.3 MiB`` or ``1.5 GiB``."""
    if number < 1 << 10:
        return f"{number} B"
    value, units = number / 1024, ["KiB", "MiB", "GiB", "TiB"]
    while value >= 999.95 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.1f} {units[0]}"


def lasting(seconds: float) -> str:
    """Return how long something took, such as ``0.4 s``, ``12.3 s``, ``2 min 5 s`` or ``1 h 3 min``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def path_of(error: OSError) -> str:
    """Return the path that *error* is about as text, or nothing: whoever opens files by bytes gets bytes back.

    Of two, as of a rename, it is the one that was to be made, unless the other was not there: that may be gone by now.
    """
    path = error.filename if error.filename2 is None or error.errno == ENOENT else error.filename2
    return path.decode("utf-8", "surrogateescape") if isinstance(path, bytes) else str(path or "")


def shorten(text: str) -> str:
    """Return *text* cut to 80 characters, for a message."""
    return text if len(text) <= 80 else text[:79] + "…"


def quoted(text: str) -> str:
    """Return *text* in quotes, what does not print escaped; a backslash stays one, as it was typed."""
    return repr(text).replace("\\\\", "\\")


JOINED = "where a merge joined it from two: git hybrid merge; else: "
"""How the mend of a pin begins that git may have put together from those of both sides."""
PICKED = ", which a pick or a merge may have brought from another branch"
"""Ends what is said of an end that nobody here may know of: the log is one for all branches."""
COMMITTED = "; where it was committed so: "
"""Stands between what brings a file back as HEAD has it and what mends it where HEAD has it like that."""
BRING_BACK = "bring the archive back, as this tells: git hybrid audit verify"
"""What mends what cannot be proven as long as an archive of the audit log, which may prove it, is lost or changed."""
LENGTHEN = 'in sources.toml set [policy] scan_max_age to "1m" or more, such as "7d"'
"""What goes before a new scan where policy leaves none fresh until somebody looks at it."""
PRUNE = "git hybrid sync --prune"
"""What takes out all of a source that the manifest has no more."""
MAY_BE = "what the audit log tells of it may be in "
"""How it is told of the scan of a source that this is so; which archive it is comes after it."""


def hints_of(mend: str) -> tuple[str, ...]:
    """Return *mend* as hints, of which each has one command."""
    if COMMITTED in mend:
        first, _, then = mend.partition(COMMITTED)
        return (first, f"{COMMITTED.removeprefix('; ')}{then}")
    rest = mend.removeprefix(JOINED)
    return (mend,) if rest == mend else (JOINED.partition(";")[0], f"else: {rest}")


def pinning_head(name: str, head: str) -> str:
    """Return what pins a source at *head*, where somebody has put its clone.

    Upstream alone tells whether that may be. Where not, the pin is refused with what comes first: a push, an approval.
    """
    condition = "where upstream has it and it goes on from the pin"
    return f"to pin what stands there, {condition}: git hybrid pin {name} --to {head}"


def typed(*words: str) -> str:
    """Return *words* as they are typed in a shell: what it would split, or run, stays one word.

    What does not print, such as a line break in a reason, is made by printf: ``$'...'`` is not known to every sh.
    """
    from shlex import quote  # noqa: PLC0415

    return " ".join(quote(word) if word.isprintable() else f'"$(printf {quote(_as_format(word))})"' for word in words)


_KEPT = 500


def kept_line(line: str) -> str:
    """Return a command *line* as it is kept; a long one is cut, and the SHA-256 of all of it tells it from others."""
    if len(line) < _KEPT:
        return line
    from git_hybrid.core.digest import sha256_hex  # noqa: PLC0415

    end = f"… {sha256_hex(line.encode('utf-8', 'backslashreplace'))}"
    return line[: _KEPT - len(end)] + end


def again_line(line: str) -> str:
    """Return a command *line* that was kept, as it is typed again; nothing where it was cut."""
    return line if len(line) < _KEPT else ""


MARK = "\0"
"""Stands before what :func:`as_typed` says, at the end of a hint: no command has it, and no text that is typed."""

FOLLOWED_BY = ("tag", "branch", "version", "commit")
"""The options that say what a source is to follow: without them a hint is about what its entry says."""


def as_typed(*only: str) -> str:
    """Return the mark for what else was typed of the command that it stands behind in a hint, where it is the same.

    *only*: the parameters that are taken of it, by name, where the command is not to be the same in all else.
    """
    return MARK + " ".join(only)


def unmarked(hint: str) -> str:
    """Return *hint* where nobody knows what was typed."""
    return hint.partition(MARK)[0].rstrip(" ")


def _as_format(text: str) -> str:
    made = []
    for item in text.replace("\\", "\\\\").replace("%", "%%"):
        data = b"" if item.isprintable() else item.encode("utf-8", "surrogateescape")
        made.append("".join(f"\\{byte:03o}" for byte in data) or item)
    return "".join(made)


def approval_words(*, signed: bool) -> str:
    """Return the options that force a pin with an approval; *signed*: policy names keys, so it takes a signature."""
    return f"--force --request ID --approver WHO --reason TEXT --expires WHEN{signature_words(signed=signed)}"


def signature_words(*, signed: bool) -> str:
    """Return what an approval takes besides where policy names keys, nothing where it does not."""
    return " --signature FILE" * signed


def escaped(char: str) -> str:
    """Return one character as an escape that is safe to print; a byte that is no text (surrogateescape) as that."""
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
