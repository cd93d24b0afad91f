"""Look at the clones: a glance at each, and a full look where a glance leaves a doubt."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from git_hybrid.app.executor import run_all
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.errors import LocalIo
from git_hybrid.core.ids import SourceName
from git_hybrid.core.plan import Looked, Snapshot, Unreadable


def observe(
    rt: Runtime, snapshot: Snapshot, names: Sequence[SourceName], *, thorough: bool = False
) -> dict[SourceName, Looked]:
    """Return what stands at the path of each of *names*; nothing is changed. With *thorough* every file is read."""
    pins = {} if thorough else {name: snapshot.lock.pins[name] for name in names if name in snapshot.lock.pins}
    surely = rt.clones.glance(pins)
    rt.stop_if_cancelled()

    rt.progress("begin", "looking at the clones", str(len(names)))
    jobs, full = rt.jobs or snapshot.manifest.defaults.jobs, partial(look, rt, snapshot, thorough=thorough)
    left = [name for name in names if name not in surely]
    looked = dict(zip(left, run_all(full, left, jobs=jobs, cancelled=rt.cancelled), strict=True))
    rt.stop_if_cancelled()
    seen = {name: surely.get(name) or looked[name] for name in names}
    return {name: observed for name, observed in seen.items() if observed is not None}


def look(rt: Runtime, snapshot: Snapshot, name: SourceName, *, thorough: bool = False) -> Looked:
    """Return what stands at the path of *name*, by a full look."""
    pin = snapshot.lock.pins.get(name)
    try:
        return rt.clones.inspect(name, pin.commit if pin else None, thorough=thorough)
    except LocalIo as error:
        return Unreadable(error)
