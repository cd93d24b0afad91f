"""Scans that state tells of otherwise than the audit log, for ``audit verify``; ``check scans`` asks the same. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from git_hybrid.core.audit import Record
from git_hybrid.core.audit_archives import Breach
from git_hybrid.core.files import LOG
from git_hybrid.core.lock import Lock
from git_hybrid.core.scan_trail import is_result, scan_trail_of
from git_hybrid.core.state import State


def against_scans(records: Sequence[Record], state: State, lock: Lock) -> Iterator[Breach]:
    """Yield the scans of *state* that the log bears out no more; what it has no record of is for ``check scans``."""
    told = {(record.get("source"), record.get("after")) for record in records if is_result(record)}
    unproved = scan_trail_of(records, state, lock).unproved
    for name, entry in state.sources.items():
        commit = entry.scan.commit
        if name in unproved and (name, commit) in told:
            what = f"the last record of a scan of {name} at {str(commit)[:12]} does not tell what its state does"
            proves = "the state entry was edited by hand, or an older one was put back"
            mend = f"git hybrid scan {name}"
            yield Breach(id="foreign-record", file=LOG, line=0, what=what, proves=proves, mend=mend)
