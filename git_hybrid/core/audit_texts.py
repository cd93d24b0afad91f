"""What git, or an editor, has done to the text of an audit log, whose records are there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from git_hybrid.core.audit import Segment
from git_hybrid.core.audit_archives import Breach, breach_at
from git_hybrid.core.files import LOG
from git_hybrid.core.value import replace

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
