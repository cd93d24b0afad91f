"""Write the files that a decision changes, each whole."""

from __future__ import annotations

from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.errors import DecidedOnly, LocalIo
from git_hybrid.core.reducer import Records
from git_hybrid.core.words import path_of
from git_hybrid.store.durable import write_file
from git_hybrid.store.layout import Layout
from git_hybrid.store.lockfile import encode_lock
from git_hybrid.store.statefile import encode_state


def write_records(layout: Layout, records: Records) -> None:
    """Write what *records* has of each file but the audit log: overrides, state, lock, mirrors, manifest.

    Raises:
        LocalIo: the file system refused.
        OSError: the manifest cannot be read.
    """
    # What most runs do not write is imported by those that do.
    if records.overrides is not None:
        from git_hybrid.store.overridefile import encode_overrides

        write_file(layout.overrides, encode_overrides(records.overrides))
    if records.state is not None:
        from git_hybrid.store.older import keep_older_state

        keep_older_state(layout.state)
        write_file(layout.state, encode_state(records.state))
    if records.lock is not None:
        write_file(layout.lock, encode_lock(records.lock))
    if records.mirrors is not None:
        from git_hybrid.store.mirrorfile import encode_mirrors

        write_file(layout.mirrors, encode_mirrors(records.mirrors))
    edit = records.manifest
    if edit is not None:
        current = layout.manifest.read_bytes()
        # Somebody may have edited the file since the decision was made: then theirs stands.
        if sha256_hex(current) == edit.before_sha256:
            write_file(layout.manifest, edit.text.encode("utf-8"))


def decided_only(error: LocalIo | OSError, *, is_written: bool) -> DecidedOnly:
    """Return *error* as one that came after the decision of the run; *is_written*: after all of that was written."""
    if isinstance(error, LocalIo):
        path, operation, reason = error.path, error.operation, error.reason
    else:
        path, operation, reason = path_of(error) or "input or output", "use", error.strerror or str(error)
    return DecidedOnly(path=path, operation=operation, reason=reason, is_written=is_written)
