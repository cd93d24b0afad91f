"""Wire bundle files: what goes into one, and what one that was read says."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from git_hybrid.app.bundle_create import Packed
from git_hybrid.app.bundle_verify import OTHER_SIDE, Opened
from git_hybrid.core.bundle_log import unborne
from git_hybrid.core.bundles import BundleContent
from git_hybrid.core.errors import BadBundle, InvalidFile, NewerSchema, NoWorkspace, SymlinkRefused
from git_hybrid.core.files import LOCK, LOG, MANIFEST, OVERRIDES, STATE
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Lock
from git_hybrid.core.override import Overrides, trail_of
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.ports import Quarantine
from git_hybrid.core.removals import removals_of
from git_hybrid.core.scan_trail import scan_trail_of
from git_hybrid.core.state import SourceState, State
from git_hybrid.git.bundling import signer
from git_hybrid.git.run import Runner
from git_hybrid.store import bundlefile, bundleinventory, reading
from git_hybrid.store.bundlefile import Front, Unpacked
from git_hybrid.store.bundleinventory import history_of, member_of, report_of
from git_hybrid.store.chain import Log, log_end, lost_links, parse_log
from git_hybrid.store.durable import make_folder, write_file
from git_hybrid.store.layout import Layout, find_root
from git_hybrid.store.lockfile import decode_lock
from git_hybrid.store.manifest import decode_manifest
from git_hybrid.store.overridefile import decode_overrides
from git_hybrid.store.parsing import read_bytes
from git_hybrid.store.reports import read_report, require_place
from git_hybrid.store.room import require_room
from git_hybrid.store.scaffold import create
from git_hybrid.store.statefile import decode_state
from git_hybrid.temporary import temporary_folder

_VERIFY = "git hybrid audit verify"
_FILES = (MANIFEST, LOCK, STATE, OVERRIDES)


def records_in(layout: Layout, names: Iterable[SourceName]) -> dict[str, bytes]:
    """Return the records of a workspace as members of a bundle: its files, the audit log, the scan reports of *names*.

    Raises:
        SymlinkRefused, InvalidFile: in place of a report or an archive stands something else.
    """
    members = {name: data for name in _FILES if (data := read_bytes(layout.root / name, name)) is not None}
    # Whole: the log's id is in its first record, and what overrides rest on may stand in an archive.
    if log := reading.whole_log(layout):
        members[LOG] = log
    sources = reading.state(layout).sources
    for name in names:
        report = _report(layout, name, sources.get(name))
        if report is not None:
            members[report_of(name)] = report
    members.setdefault(LOCK, b"lock_version = 1\n")
    return members


def refuse_unsound(records: Mapping[str, bytes], snapshot: Snapshot) -> None:
    """Raise unless whoever reads *records* in a bundle could take them over; *snapshot* is of the same files.

    Raises:
        InvalidFile: the audit log has lost a record, or one was edited, or does not bear out what the other files say;
            or a pin has no entry in the manifest.
    """
    _sound_log(records.get(LOG, b""), snapshot.lock, snapshot.state, snapshot.overrides)
    for name in sorted(snapshot.lock.pins.keys() - snapshot.manifest.sources.keys()):
        mend = f"put [source.{name}] back into {MANIFEST}, or take its pin out: git hybrid sync --prune"
        raise InvalidFile.at(LOCK, f"source.{name}", f"has no entry in {MANIFEST}", mend=mend)


def histories_of(packed: Sequence[Packed]) -> dict[str, Path]:
    """Return the git bundles, and the content of Git LFS, of what was *packed*, by member."""
    files = {history_of(item.carried.name): Path(item.file) for item in packed if item.file is not None}
    # What two sources have alike is in the file once.
    return files | {member_of(key): Path(file) for item in packed for key, file in item.inside.files.items()}


def inventory_of(members: Mapping[str, Path | bytes], packed: Sequence[Packed], since: str | None) -> bytes:
    """Return the inventory of a bundle with *members*; *since* is the SHA-256 of the receipt it was made for."""
    is_inside = any(item.inside.is_named for item in packed)
    submodules = {key: told for item in packed for key, told in item.inside.submodules.items()}
    return bundleinventory.inventory_of(
        members, [item.carried for item in packed], since, submodules if is_inside else None
    )


def _report(layout: Layout, name: SourceName, entry: SourceState | None) -> bytes | None:
    """Return the report of the scan of *name* that state tells of."""
    require_place(layout, name)
    if entry is None or entry.scan.report_sha256 is None:
        return None
    return read_report(layout, name, entry.scan.report_sha256)


def opened_bundle(
    file: Path, quarantine: Quarantine, runner: Runner, allowed_signers: Path | None
) -> tuple[Opened, Unpacked]:
    """Read the bundle *file* into *quarantine*, and return what it says; its sources are not looked into yet.

    Nothing of a file that is not signed by an allowed signer is written: one of few blocks may claim to be any size.

    Raises:
        BadBundle: it is damaged, a record in it is invalid, or it is not signed by an allowed signer.
        LocalIo: there is no room for it.
    """
    stage = quarantine.stage(SourceName("bundle"), borrow=False, suffix="members")
    try:
        signers: list[str] = []

        def judge(front: Front) -> None:
            if allowed_signers is not None:
                signers.append(_signer(runner, file, front, allowed_signers))
            # Of one that was cut less comes than it says.
            require_room(Path(stage.path), min(sum(size for _, size, _ in front.said.listed), file.stat().st_size))

        unpacked = bundlefile.read_bundle(file, Path(stage.path) / "members", judge)
        content = _content(file, unpacked, next(iter(signers), None))
    except NewerSchema as error:
        # It names a member: the files of that name here are well.
        raise NewerSchema(path=f"{file} ({error.path})", found=error.found, known=error.known) from None
    except InvalidFile as error:
        first, mend = error.problems[0], OTHER_SIDE + (_VERIFY if error.path == LOG else "git hybrid diag")
        raise BadBundle(path=str(file), place=error.path, reason=f"{first.place}: {first.reason}", mend=mend) from error

    def member(key: str) -> str | None:
        found = unpacked.members.get(member_of(key))
        return None if found is None else str(found)

    return Opened(content=content, file=member), unpacked


def _signer(runner: Runner, file: Path, front: Front, allowed: Path) -> str:
    if front.signature is None:
        raise BadBundle(path=str(file), place=BadBundle.SIGNATURE, reason="it is not signed")
    who = signer(runner, front.inventory, front.signature, allowed)
    if who is None:
        raise BadBundle(path=str(file), place=BadBundle.SIGNATURE, reason="no allowed signer has signed it")
    return who


def _content(file: Path, unpacked: Unpacked, who: str | None) -> BundleContent:
    data = unpacked.read(MANIFEST)
    manifest = decode_manifest(data)
    state = decode_state(unpacked.read(STATE)) if STATE in unpacked.members else State()
    overrides = decode_overrides(raw) if (raw := unpacked.read(OVERRIDES)) else Overrides()
    lock = decode_lock(unpacked.read(LOCK))
    log = _sound_log(unpacked.read(LOG), lock, state, overrides)
    return BundleContent(
        path=str(file),
        sha256=unpacked.sha256,
        carried=unpacked.said.carried,
        inside=unpacked.said.inside,
        manifest_text=data.decode("utf-8"),
        manifest=manifest,
        lock=lock,
        state=state,
        scan_trail=scan_trail_of(log.records, state, lock),
        log=log_end(log),
        overrides=overrides,
        trail=trail_of(log.records),
        signer=who,
        removed=removals_of(log.records),
    )


def _sound_log(data: bytes, lock: Lock, state: State, overrides: Overrides) -> Log:
    """Return the audit log in *data*, which bears out what *lock*, *state* and *overrides* say.

    A crash leaves half a record at the end of a log, and no more than that.

    Raises:
        InvalidFile: a record is lost, or was edited, or one of them says something else.
    """
    log, is_torn = parse_log(data), not data.endswith(b"}\n")
    rested = {entry.audit_hash for entry in state.sources.values()}
    rested |= {record.audit_hash for record in overrides.records.values()}
    reason = ""
    if len(log.tail.torn) > int(is_torn):
        reason = "what stands at its end is no record, or was edited"
    elif lost_links(log):
        reason = "the chain of its records is broken"
    elif rested - {None} - {record["hash"] for record in log.records}:
        reason = "it has no record of what the other files say of themselves"
    if reason := reason or unborne(log.records, lock, state, overrides):
        raise InvalidFile.at(LOG, "file", reason, mend=f"what mends it is told by: {_VERIFY}")
    return log


def reports_in(unpacked: Unpacked, names: Iterable[str]) -> dict[str, bytes]:
    """Return the scan reports of *names* that the bundle brings."""
    return {name: unpacked.read(report_of(name)) for name in names if report_of(name) in unpacked.members}


def keep_reports(layout: Layout, reports: Mapping[str, bytes]) -> None:
    """Put scan reports to where a scan puts them.

    Raises:
        SymlinkRefused: a link stands there.
    """
    folder = layout.state_folder / "scans"
    if folder.is_symlink():
        raise SymlinkRefused(path=layout.relative(folder))
    for name, data in reports.items():
        make_folder(folder)
        write_file(folder / f"{name}.sarif", data)


def is_workspace(folder: Path) -> bool:
    """Tell whether *folder* is in a workspace."""
    try:
        find_root(folder)
    except NoWorkspace:
        return False
    return True


@contextmanager
def temporary_workspace() -> Iterator[Path]:
    """Yield an empty workspace that goes away again."""
    with tempfile.TemporaryDirectory(prefix="git-hybrid-", dir=temporary_folder()) as made:
        folder = Path(made).resolve()
        create(folder)
        yield folder
