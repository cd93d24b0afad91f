"""Write the files that a decision changes, each whole."""

from __future__ import annotations

from pathlib import Path

from git_hybrid.core.errors import DecidedOnly, LocalIo
from git_hybrid.core.files import STATE
from git_hybrid.core.reducer import ManifestEdit, Records
from git_hybrid.core.stages import BASE, OURS, THEIRS
from git_hybrid.core.words import path_of
from git_hybrid.store.durable import write_file
from git_hybrid.store.layout import Layout
from git_hybrid.store.lockfile import encode_lock
from git_hybrid.store.manifest import decode_manifest
from git_hybrid.store.meanwhile import Watch
from git_hybrid.store.parsing import read_bytes
from git_hybrid.store.statefile import VERSION, encode_state, state_version

_UNWRITTEN = "sources.toml was edited meanwhile and stays (ours), without what was decided for it (theirs)"


def write_records(layout: Layout, records: Records, watch: Watch) -> list[str]:
    """Write what *records* has of each file but the audit log: overrides, state, lock, mirrors, manifest.

    Return what was not written, in words. *watch* is of when the files were read that *records* goes on from.

    Raises:
        LocalIo: the file system refused.
        OSError: the manifest cannot be read.
        InvalidFile, NewerSchema: somebody has edited the manifest since, and it is none: when it is, this ends well.
        Changed: somebody else has written one of those files.
    """
    # What most runs do not write is imported by those that do.
    if records.overrides is not None:
        from git_hybrid.store.overridefile import encode_overrides

        write_file(layout.overrides, encode_overrides(records.overrides), watch=watch)
    if records.state is not None:
        _keep_older_state(layout.state)
        write_file(layout.state, encode_state(records.state), watch=watch)
    if records.lock is not None:
        write_file(layout.lock, encode_lock(records.lock), watch=watch)
    if records.mirrors is not None:
        from git_hybrid.store.mirrorfile import encode_mirrors

        write_file(layout.mirrors, encode_mirrors(records.mirrors), watch=watch)
    return [] if records.manifest is None else _write_manifest(layout, records.manifest, watch)


def _keep_older_state(path: Path) -> None:
    """Keep a copy ``<file>.bak-vN`` of state of an older version, which the newest one is about to replace."""
    data = read_bytes(path, STATE)
    version = VERSION if data is None else state_version(data)
    backup = path.with_name(f"{path.name}.bak-v{version}")
    if data is not None and version < VERSION and not backup.exists():
        write_file(backup, data)


def _write_manifest(layout: Layout, edit: ManifestEdit, watch: Watch) -> list[str]:
    """Make *edit*; into what somebody has edited since it was decided, or leave that and say so."""
    current, before, wanted = layout.manifest.read_bytes(), edit.before.encode("utf-8"), edit.text.encode("utf-8")
    if current not in (before, wanted):
        from git_hybrid.store.manifest_merge import merge_manifest

        was, now, then = (decode_manifest(text).sources for text in (before, current, wanted))
        told = merge_manifest({BASE: before, OURS: current, THEIRS: wanted})
        if told.text is None:
            left = [name for name in now if name in was and name not in then]
            mend = f"git hybrid remove {' '.join(left)}" if left else "edit it, then: git hybrid pin"
            return [f"{_UNWRITTEN}: {'; '.join(told.why)}; for that: {mend}"]
        wanted = told.text.encode("utf-8")
    if wanted != current:
        write_file(layout.manifest, wanted, watch=watch)
    return []


def decided_only(error: LocalIo | OSError, *, is_written: bool) -> DecidedOnly:
    """Return *error* as one that came after the decision of the run; *is_written*: after all of that was written."""
    told = error if isinstance(error, LocalIo) else LocalIo.of(error, path_of(error) or "input or output", "use")
    return DecidedOnly(path=told.path, operation=told.operation, reason=told.reason, is_written=is_written)
