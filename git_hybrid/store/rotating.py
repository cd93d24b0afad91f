"""Close the audit log into an archive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from git_hybrid.core.audit import ROTATED, Event, extend
from git_hybrid.core.canonical import Json, canonical_json
from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.errors import InvalidFile
from git_hybrid.core.files import LOG
from git_hybrid.store.chain import as_written, is_rotated, parse_log
from git_hybrid.store.durable import protect_file, write_file
from git_hybrid.store.parsing import read_bytes

if TYPE_CHECKING:
    from git_hybrid.core.reducer import RunInfo
    from git_hybrid.store.meanwhile import Watch


def rotate(path: Path, archive: Path, info: RunInfo, watch: Watch) -> None:
    """Close the log at *path* into *archive* and begin a new one that goes on from it; again, it changes nothing.

    Lines that git has doubled where it joined branches go into it once: nobody can tell later who doubled them. An
    archive that the run *info* wrote before it was killed is written anew where the log has come to hold more since.

    Raises:
        LocalIo: the file system refused; the log is whole.
        InvalidFile: another file stands where the archive goes, which is left as it is.
        Changed: somebody else has written what *watch* looks at.
    """
    lines, shown = as_written(read_bytes(path, LOG) or b"").splitlines(keepends=True), f"state/{archive.name}"
    data = b"".join(dict.fromkeys(lines))
    log = parse_log(data)
    if is_rotated(log.records, info):
        return
    found = read_bytes(archive, shown)
    if found not in (None, data) and not _is_begun(as_written(found or b""), lines, info):
        reason = "is another one than the log that is to be closed into it"
        raise InvalidFile.at(shown, "file", reason, mend="move it away, then: git hybrid resume")
    detail: dict[str, Json] = {"archive": archive.name, "count": len(log.records), "sha256": sha256_hex(data)}
    begun = Event(event=ROTATED, detail=detail)
    who = {"operator": info.operator, "command_id": info.run, "log_id": info.log_id}
    (record,) = extend(log.tail, [begun], at=info.now, **who)
    watch.require()
    write_file(archive, data)
    protect_file(archive)
    write_file(path, canonical_json(record) + b"\n", watch=watch)


def _is_begun(archive: bytes, log: Sequence[bytes], info: RunInfo) -> bool:
    """Tell whether *archive* has nothing but lines of the *log*, and one of the run *info*, which nobody had before."""
    kept = archive.splitlines(keepends=True)
    own = f'"command_id":"{info.run}"'.encode()
    return {*kept} <= {*log} and any(own in line for line in kept)
