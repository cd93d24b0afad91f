"""The pins that a source had before its URL or its ref was changed, as the audit log has them."""

from __future__ import annotations

import json

from git_hybrid.core.ids import RefName, SourceName, Url
from git_hybrid.core.last_pins import former_pins as found_in
from git_hybrid.core.lock import Pin
from git_hybrid.store.layout import Layout
from git_hybrid.store.reading import records, whole_log


def former_pins(layout: Layout, name: SourceName, url: Url, ref: RefName | None = None) -> tuple[Pin, ...]:
    """Return the last pins of a source that were of *url*, and of *ref* if one is given, since it last began anew.

    A log in which no line can have them is not taken apart.

    Raises:
        LocalIo: the log cannot be read.
    """
    wanted = [f'"source":"{name}"'.encode("ascii")]
    if ref is not None:
        wanted.append(f'"ref":{json.dumps(ref, ensure_ascii=False)}'.encode())
    if not any(all(word in line for word in wanted) for line in whole_log(layout).split(b"\n")):
        return ()
    return found_in(records(layout), name, url, ref)
