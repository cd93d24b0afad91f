"""What the files in a bundle say of pins, overrides and scans that the log in it must hold. Pure.

Whoever takes a bundle over asks no server: that log is all there is to tell a pin from one that a hand wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from git_hybrid.core.audit import Record
from git_hybrid.core.audit_overrides import borne_out
from git_hybrid.core.audit_scans import against_scans
from git_hybrid.core.audit_witness import against_carried
from git_hybrid.core.lock import Lock
from git_hybrid.core.override import Overrides
from git_hybrid.core.state import State


def unborne(records: Sequence[Record], lock: Lock, state: State, overrides: Overrides) -> str:
    """Return the first thing that *records*, the whole log of a bundle, do not bear out; nothing if they do all.

    ``audit verify`` asks the same of the workspace that the bundle is made of, so what mends it is told there.
    """
    _, told = borne_out({str(record["hash"]): record for record in records}, lock.pins)
    found = chain(against_carried(told, lock, overrides), against_scans(records, state, lock))
    return next((breach.what for breach in found), "")
