"""What a support archive holds: enough to help from afar, and no secrets."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from git_hybrid.core.files import FILES, LOG, MARKER
from git_hybrid.core.redact import redact
from git_hybrid.store.content import open_regular
from git_hybrid.store.layout import Layout
from git_hybrid.view.jsonout import dump

FOLDER = "git-hybrid-diag"
KEPT_RECORDS = 200
_CHUNK = 1 << 18
_LIMIT = 16 << 20
_TOO_LARGE = b"left out: it is larger than 16 MiB\n"


def archive_files(
    root: Path | None,
    *,
    diag: Mapping[str, Any],
    status: Mapping[str, Any],
    versions: Mapping[str, str],
    settings: Mapping[str, str],
) -> dict[str, bytes]:
    """Return the members of the archive by name, redacted; the names are fixed, whatever the workspace holds."""
    home = os.path.expanduser("~")
    files: dict[str, bytes] = {
        "diag.json": _json(diag, home),
        "status.json": _json(_ageless(status), home),
        "versions.json": _json(versions, home),
        "settings.json": _json(settings, home),
    }
    if root is not None:
        layout = Layout(root)
        for name in (*FILES, MARKER):
            data = _read(layout.root / name, _whole)
            if data is not None:
                files[name] = _plain(data, home)
        data = _read(layout.root / LOG, _last_lines)
        if data is not None:
            files[LOG] = _plain(data, home)
    return files


def _read(path: Path, read: Callable[[BinaryIO], bytes]) -> bytes | None:
    """Return what *read* returns of a regular file; a link could lead to anything."""
    try:
        with open_regular(path) as file:
            return read(file)
    except OSError:
        return None


def _whole(file: BinaryIO) -> bytes:
    """Return what is in *file*, or that it is larger than one which somebody sends, and can look through."""
    data = file.read(_LIMIT + 1)
    return data if len(data) <= _LIMIT else _TOO_LARGE


def _last_lines(file: BinaryIO) -> bytes:
    """Return the last :data:`KEPT_RECORDS` lines, fewer where they are too long, of a file that may be of any size."""
    size = file.seek(0, os.SEEK_END)
    taken = min(size, _CHUNK)
    while True:
        file.seek(size - taken)
        data = file.read(taken)
        if taken == size or data.count(b"\n") > KEPT_RECORDS:
            return b"".join(data.splitlines(keepends=True)[-KEPT_RECORDS:])
        if taken >= _LIMIT:
            return data.partition(b"\n")[2] or _TOO_LARGE
        taken = min(size, taken * 4)


def _plain(data: bytes, home: str) -> bytes:
    return redact(data.decode("utf-8", "surrogateescape"), home=home, sent=True).encode("utf-8", "surrogateescape")


def _json(document: Mapping[str, Any], home: str) -> bytes:
    return (dump(_redacted(document, home)) + "\n").encode()


def _redacted(value: Any, home: str) -> Any:
    """Return plain values with every text redacted, so that the document stays one."""
    if isinstance(value, Mapping):
        return {redact(str(key), home=home, sent=True): _redacted(item, home) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(item, home) for item in value]
    return redact(value, home=home, sent=True) if isinstance(value, str) else value


def _ageless(status: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of status without ages: the times are in it, and the same facts give the same bytes."""
    text = json.loads(json.dumps(status))
    for row in text.get("sources", []):
        row.get("scan_status", {}).pop("age_seconds", None)
    return dict(text)


def tar_gz(files: Mapping[str, bytes]) -> bytes:
    """Return a tar.gz of *files* below one folder, in order of their names: the same bytes for the same content."""
    stream = io.BytesIO()
    with tarfile.TarFile(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(stream.getvalue(), mtime=0)
