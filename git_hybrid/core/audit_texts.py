"""What git, or an editor, has done to the text of an audit log, whose records are there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from git_hybrid.core.audit import MALFORMED, Line, Record, Segment, is_hashed, strange_key
from git_hybrid.core.audit_archives import Breach, breach_at
from git_hybrid.core.files import LOG
from git_hybrid.core.value import replace
from git_hybrid.core.witnesses import Witnesses
from git_hybrid.core.words import quoted, shorten

_ENDINGS = r"""echo '/state/** -text' >> .gitattributes, then sed -i 's/\r$//' state/sources*"""


def conflicts_in(segments: Sequence[Segment]) -> Iterator[Breach]:
    """Yield that git's markers of a conflict stand in the log, at the first of them."""
    marked = [line for segment in segments if segment.file == LOG for line in segment.lines if line.marker]
    if marked:
        more = f" (with lines {', '.join(str(line.number) for line in marked[1:])})" if marked[1:] else ""
        what, proves = f"is a marker of a merge conflict{more}", "a merge was left, or committed, with a conflict in it"
        yield replace(breach_at("conflict", LOG, marked[0], what, proves), mend="git hybrid merge")


def endings_of(segments: Sequence[Segment]) -> Iterator[Breach]:
    """Yield the files whose line endings were converted, which is all that is told of their CRs."""
    for segment in segments:
        if segment.converted:
            what = "its lines end with CR LF: the records are there, their line endings were converted"
            proves = "git converted them (core.autocrlf, or text in .gitattributes), or an editor did"
            yield Breach(id="line-endings", file=segment.file, line=0, what=what, proves=proves, mend=_ENDINGS)


def altered(file: str, line: Line, record: Record) -> Breach:
    """Return that *record*, at *line* of *file*, is not as a command of this version writes one."""
    told = {**record, "event": str(record["event"]).removeprefix(MALFORMED)}
    edited = "it was edited after it was written"
    if key := strange_key(record):
        what = f"has the key {quoted(shorten(key))}, which no record of this version has"
        return breach_at("forged", file, line, what, "no command writes that")
    if is_hashed(told):
        return breach_at("respelled", file, line, "is written in another way than records are", edited)
    return breach_at("edited", file, line, "the record's hash is not that of its content", edited)


def joinable(breach: Breach, line: Line, witnesses: Witnesses) -> Breach:
    """Return *breach*, of *line*, which is no record, with what mends it once that is committed: nobody misses it."""
    is_committed = breach.file == LOG and line.sha256 in (witnesses.committed or ())
    return replace(breach, mend="git hybrid merge") if is_committed else breach
