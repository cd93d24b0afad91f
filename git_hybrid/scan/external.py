"""Run a scanner: no shell, an empty folder, a scrubbed environment, limits on time, memory and output, no survivors."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from threading import Lock as Mutex
from typing import IO

from git_hybrid.core.pattern import pattern
from git_hybrid.core.ports_scan import Fill, Scanned, Unusable
from git_hybrid.core.scanners import PATH, REPORT, ROOT, ScannerSpec, has_work, paths_in, rules_digest
from git_hybrid.core.scans import Identity
from git_hybrid.core.value import Struct, field
from git_hybrid.core.values import format_age
from git_hybrid.scan.reading import Incomplete, is_larger, nothing_to_audit, read_report
from git_hybrid.scan.rulefiles import Listed, digest_of, itself
from git_hybrid.scan.scratch import Scratch, remove_dead, scratch
from git_hybrid.turn import TURN

REPORT_LIMIT = 64 * 2**20
_FILE_LIMIT = REPORT_LIMIT + 1
_ROOMY = 2**17
"""A report of up to this size stays below the limit however deep it goes, in bytes."""
_VERSION_LIMIT = 2**16
_VERSION_TIME = timedelta(seconds=20)
_VERSION = pattern(rb"\d+(?:\.\d+)+[0-9A-Za-z.+-]*")
_KEPT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")
_TAIL = 300


class Job(Struct, frozen=True, kw_only=True):
    """One program to run in a scratch folder."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    place: Scratch
    timeout: timedelta
    file_bytes: int
    memory_bytes: int = 4 * 2**30


class TimeIsUp(Exception):
    """The program did not end in its time, and was killed with everything that it had started."""


Door = Callable[[Job, IO[bytes], IO[bytes]], int]
"""Starts the program of a job, what it prints going to two files, and returns its status (negative: the signal)."""


class ExternalScanners(Struct, frozen=True):
    """The scanners of :mod:`git_hybrid.core.ports_scan`; *root* is the workspace, *environ* the caller's.

    *listed* tells which files of a folder count.
    """

    start: Door
    environ: Mapping[str, str]
    root: Path
    listed: Listed = itself
    _found: dict[str, Identity | Unusable] = field(default_factory=dict)
    _asking: Mutex = field(default_factory=Mutex)

    def identify(self, spec: ScannerSpec) -> Identity | Unusable:
        """Return the version of *spec* and the digest of what decides its results; each is asked for once a run."""
        with TURN.held_with(self._asking):
            if spec.name not in self._found:
                self._found[spec.name] = self._identify(spec)
            return self._found[spec.name]

    def _identify(self, spec: ScannerSpec) -> Identity | Unusable:
        program = self._program(spec.command[0])
        if program is None:
            return Unusable(_missing(spec))
        if not any(PATH in word for word in spec.command):
            return Unusable(f"its command has no {PATH}, so it would scan nothing")
        version = self._version(spec) if spec.version else ""
        if isinstance(version, Unusable):
            return version
        if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < spec.oldest:
            oldest = ".".join(map(str, spec.oldest))
            return Unusable(f"{program} is {version}, and {oldest} or newer is needed: {spec.install}")
        try:
            files = self._files(spec, program)
        except OSError as error:
            return Unusable(f"{error.filename} cannot be read: {error.strerror}")
        return Identity(version=version, rules_digest=rules_digest(spec, version, files))

    def _program(self, name: str) -> str | None:
        if "/" in name:
            path = self.root / name.replace(ROOT, str(self.root))
            return str(path) if path.is_file() and os.access(path, os.X_OK) else None
        # The scanners of the extra are installed beside this program, in a folder that need not be on PATH.
        return shutil.which(name, path=self.environ.get("PATH", os.defpath)) or shutil.which(
            name, path=os.path.dirname(sys.executable)
        )

    def _version(self, spec: ScannerSpec) -> str | Unusable:
        with scratch() as place:
            job = Job(
                argv=(self._program(spec.version[0]) or spec.version[0], *spec.version[1:]),
                env=self._environment(spec, place),
                place=place,
                timeout=_VERSION_TIME,
                file_bytes=_VERSION_LIMIT,
            )
            try:
                status = self._printed(job)
            except TimeIsUp:
                return Unusable(f"{spec.version[0]} did not tell its version in time")
            told = place.output.read_bytes()[:_VERSION_LIMIT]
        found = _VERSION.search(told)
        if status != 0 or found is None:
            return Unusable(f"{' '.join(spec.version)} tells no version (exit status {status})")
        version = found[0].decode("ascii")[:80]
        dates = re.findall(spec.database, told.decode("utf-8", "replace")) if spec.database else []
        return ", ".join((version, *dates))

    def _files(self, spec: ScannerSpec, program: str) -> list[str]:
        """Return the digests of the files that decide the result: rules on the command line, and a program of its own.

        The program of a preset is known by its version; its file may be no more than a starter.
        """
        named = [Path(word) for word in paths_in(spec, str(self.root))]
        paths = [path for path in named if path.is_file() or path.is_dir()]
        own = [] if spec.preset else [Path(program)]
        return [digest_of(path, self.listed(self.root, path)) for path in own + paths]

    def _substituted(self, word: str, place: Scratch) -> str:
        word = word.replace(ROOT, str(self.root))
        return word.replace(PATH, str(place.tree)).replace(REPORT, str(place.report))

    def run(self, spec: ScannerSpec, identity: Identity, fill: Fill) -> Scanned | Unusable:
        """Run *spec* on what *fill* puts into a folder, and return what it found if the result is complete.

        Raises:
            HybridError: what *fill* raises, or the run was interrupted.
        """
        remove_dead()
        with scratch() as place:
            paths = fill(str(place.tree))
            if not has_work(spec, paths):
                report = nothing_to_audit(spec.preset, identity.version, scanner=spec.name)
                return Scanned(runs=report.runs, version=report.version, findings=())
            program = self._program(spec.command[0])
            if program is None:
                return Unusable(_missing(spec))
            job = Job(
                argv=(program, *(self._substituted(word, place) for word in spec.command[1:])),
                env=self._environment(spec, place),
                place=place,
                timeout=spec.timeout,
                file_bytes=_FILE_LIMIT,
            )
            try:
                status = self._printed(job)
            except TimeIsUp:
                return Unusable(f"it did not end within {format_age(spec.timeout)} and was killed")
            return _judged(spec, identity, place, status)

    def _printed(self, job: Job) -> int:
        with open(job.place.output, "xb") as output, open(job.place.errors, "xb") as errors:
            return self.start(job, output, errors)

    def _environment(self, spec: ScannerSpec, place: Scratch) -> dict[str, str]:
        """Return the scanner's environment: nothing of the caller's but what was listed, a home of its own."""
        kept = {key: self.environ[key] for key in (*_KEPT, *spec.env) if key in self.environ}
        own = {"HOME": str(place.home), "TMPDIR": str(place.temporary), "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
        return {"PATH": os.defpath} | own | dict(spec.settings) | kept


def _missing(spec: ScannerSpec) -> str:
    where = "is not there, or is not executable" if "/" in spec.command[0] else "is not on PATH"
    return f"{spec.command[0]} {where}" + (f"; to install it: {spec.install}" if spec.install else "")


def _judged(spec: ScannerSpec, identity: Identity, place: Scratch, status: int) -> Scanned | Unusable:
    if any(
        os.path.getsize(path) > REPORT_LIMIT for path in (place.output, place.errors, place.report) if path.is_file()
    ):
        return Unusable(f"it wrote more than {REPORT_LIMIT // 2**20} MB")
    if status < 0:
        return Unusable(f"it was ended by {_signal_name(-status)}")
    if status not in spec.ok_codes | spec.finding_codes:
        return Unusable(f"it ended with exit status {status}{_last_words(place)}")
    from_file = any(REPORT in word for word in spec.command)
    try:
        data = _read(place.report if from_file else place.output)
        report = read_report(data, kind=spec.format, scanner=spec.name, tree=str(place.tree))
    except Incomplete as error:
        return Unusable(f"{error} (exit status {status}){_last_words(place)}")
    if status not in spec.ok_codes and not any(run["results"] for run in report.runs):
        return Unusable(f"exit status {status} says that there are findings, the report has none{_last_words(place)}")
    if len(data) > _ROOMY and is_larger(report.runs, REPORT_LIMIT):
        return Unusable(f"its report takes more than {REPORT_LIMIT // 2**20} MB when it is written line by line")
    return Scanned(runs=report.runs, version=identity.version or report.version, findings=report.findings)


def _signal_name(number: int) -> str:
    # Of the real-time ones only the first and the last have names.
    return signal.Signals(number).name if number in {*signal.Signals} else f"signal {number}"


def _read(path: Path) -> bytes:
    """Return the report at *path*, if it is a plain file.

    Raises:
        Incomplete: there is none, or something else stands there.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise Incomplete("it wrote no report") from error
    except OSError as error:
        raise Incomplete(f"its report is no regular file ({error.strerror})") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Incomplete("its report is no regular file")
    with os.fdopen(descriptor, "rb") as file:
        return file.read(REPORT_LIMIT + 1)


def _last_words(place: Scratch) -> str:
    path = place.errors if os.path.getsize(place.errors) else place.output
    with open(path, "rb") as file:
        file.seek(max(os.path.getsize(path) - _TAIL, 0))
        text = file.read(_TAIL).decode("utf-8", "replace")
    text = " ".join(text.replace(f"{place.root}/", "").split())
    return f": {text}" if text else ""
