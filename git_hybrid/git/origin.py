"""Whom a clone asks: its ``origin``, and where it is partial the same one for the objects that it lacks.

A fetch by URL that leaves objects out notes that URL as the one to ask for them (``remote.<url>.promisor``). That may
be a mirror, or a host that the source leaves one day: whoever has it then would be asked for good.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from git_hybrid.core.ids import SourceName
from git_hybrid.core.pattern import pattern
from git_hybrid.git.complete import is_partial
from git_hybrid.git.local import must
from git_hybrid.git.plainfiles import bytes_at, read_plain
from git_hybrid.git.quarantine import Disk
from git_hybrid.git.run import Runner, items
from git_hybrid.git.skeleton import settings

_FETCH = "\tfetch = +refs/heads/*:refs/remotes/origin/*\n"
_PARTIAL = {"promisor": "true", "partialclonefilter": "tree:0"}
_REMOTE = pattern(r'\[remote "[^\n]*\n(?:\t[^\n]*\n)*')
_URL = pattern(r'^\[remote "origin"\]\n(?:\t[^\n]*\n)*?\turl = ([^\n"\\#;]*)$', re.MULTILINE)
_KEYS = r"^remote\..*\.(url|promisor|partialclonefilter)$"


def declare(git_dir: Path, url: str) -> None:
    """Make *url* the origin of the new repository at *git_dir*, which nobody else knows yet.

    Raises:
        OSError: the file system refused.
    """
    config = git_dir / "config"
    own = _REMOTE.sub("", os.fsdecode(config.read_bytes()))
    config.write_bytes(os.fsencode(f"{own}{_section(url, partial=is_partial(git_dir))}{_FETCH}"))


def has_settings(git_dir: Path) -> bool:
    """Tell whether the repository has settings: a clone that lost them, as a power cut may leave it, works without."""
    config = git_dir / "config"
    return config.exists() and (not config.is_file() or config.stat().st_size > 0)


def origin_of(git_dir: Path) -> str | None:
    """Return the URL of the clone's ``origin``; None where its settings do not have it as git writes it.

    Raises:
        OSError: they cannot be read.
    """
    found = _URL.search((read_plain(git_dir / "config") or b"").decode("utf-8", "replace"))
    return None if found is None else found[1]


def redeclare(runner: Runner, disk: Disk, git_dir: Path, url: str, *, name: SourceName) -> None:
    """Make *url* the origin of the clone at *git_dir*, and what it asks for objects that it lacks by design.

    Remotes that somebody has added to it stay as they are. A clone without any settings gets those of a new one.

    Raises:
        LocalIo, OSError: the file system refused.
        GitFailed: git cannot read the settings.
    """
    partial = is_partial(git_dir)
    if not has_settings(git_dir):
        # It may be a link that leads nowhere.
        disk.remove_file(git_dir / "config")
        # Without any, git takes the names of objects for those of SHA-1.
        own = settings(str(git_dir), object_format="sha1", bare=False)
        disk.write_file(git_dir / "config", f"{own}{_section(url, partial=partial)}{_FETCH}".encode())
        return
    text = bytes_at(git_dir / "config").decode("utf-8", "replace")
    if _section(url, partial=partial) in text and text.count("promisor") == partial:
        return
    listed = runner.git(["config", "--local", "--null", "--get-regexp", _KEYS], git_dir=git_dir)
    found = dict(item.partition("\n")[::2] for item in items(listed.stdout))
    remotes = {key.rpartition(".")[0] for key in found}
    for noted in sorted(remote for remote in remotes - {"remote.origin"} if f"{remote}.url" not in found):
        must(runner, name, git_dir, ["config", "--local", "--remove-section", noted])
    for key, value in {"url": url, **(_PARTIAL if partial else {})}.items():
        if found.get(f"remote.origin.{key}") != value:
            must(runner, name, git_dir, ["config", "--local", "--replace-all", f"remote.origin.{key}", value])


def _section(url: str, *, partial: bool) -> str:
    marks = "".join(f"\t{key} = {value}\n" for key, value in _PARTIAL.items()) if partial else ""
    return f'[remote "origin"]\n\turl = {url}\n{marks}'
