"""What the log of a commit that is pushed lacks of the one that it takes the place of, which others have. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from git_hybrid.core.audit import Segment
from git_hybrid.core.audit_archives import Breach
from git_hybrid.core.files import LOG
from git_hybrid.core.override import overridden
from git_hybrid.core.value import replace
from git_hybrid.core.words import counted, plural

_PROVES = "a commit that was rewritten takes out of the log what others have seen"


def against_published(segments: Sequence[Segment], published: Mapping[str, Segment]) -> Iterator[Breach]:
    """Yield by commit, of those that are *published*, what their logs have and *segments* have not.

    Whoever rewrites a branch of his own may leave out what nothing came of; what an override let in stays told.
    """
    present = {line.sha256 for segment in segments for line in segment.lines}
    for commit, segment in published.items():
        whole = (line for line in segment.lines if line.whole and line.sha256 not in present)
        lost = [line.record for line in whole if line.record is not None]
        if not lost:
            continue
        overrides = sorted({identity for record in lost if (identity := overridden(record))})
        has, are = f"{commit[:12]}, which was pushed before", f"{plural(len(lost), 'is')} not in what is pushed now"
        what = f"{counted(len(lost), 'record')} of {has}, {are}"
        if overrides:
            what += f", among them those of {' and '.join(overrides)}"
        mend = f"git merge {commit[:12]}, then git hybrid merge"
        found = Breach(id="lost-by-push", file=LOG, line=0, what=what, proves=_PROVES, mend=mend)
        yield found if overrides else replace(found, level="warn")
