"""What keeps the tests away from the user's home, configuration and network."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOREIGN = re.compile(
    r"GIT_.*|(https?|ftp|all|no)_proxy|SSH_.*|XDG_.*|LC_.*|LANG|LANGUAGE|NO_COLOR|FORCE_COLOR"
    r"|CLICOLOR.*|PAGER|EDITOR|VISUAL|EMAIL|LINES",
    re.IGNORECASE,
)
# Without it a commit leaves a process behind, whose maintenance.lock may still be there afterwards (git 2.47).
GIT_CONFIG = "[user]\n\tname = Test Operator\n\temail = operator@example.org\n[maintenance]\n\tauto = false\n"
WATCHED_BELOW_HOME = (
    ".config/git",
    ".config/git/config",
    ".config/git-hybrid",
    ".cache/git-hybrid",
    ".local/share/git-hybrid",
    ".local/state/git-hybrid",
    ".ssh/known_hosts",
)
WRITTEN_BY_SHELLS = re.compile(r"\..*(history|hsts?|info)|\..*\.sw[a-p]|\..*authority")

Snapshot = dict[str, tuple[int, int]]


@contextlib.contextmanager
def hermetic_environment(home: Path) -> Iterator[None]:
    """Give this process, and so its children, a home of its own and no inherited settings."""
    config = home / ".gitconfig"
    config.write_text(GIT_CONFIG)
    settings = {
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_CONFIG_NOSYSTEM": "1",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "80",
        # Off: a test that fetches twice means it. The tests of the cache give it a folder of their own.
        "GIT_HYBRID_CACHE_DIR": "",
    }
    for kind in ("CONFIG", "CACHE", "DATA", "STATE"):
        settings[f"XDG_{kind}_HOME"] = str(home / f".{kind.lower()}")
    runtime = home / ".runtime"
    runtime.mkdir(mode=0o700)
    settings["XDG_RUNTIME_DIR"] = str(runtime)
    umask = os.umask(0o022)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if FOREIGN.fullmatch(name)]:
                patch.delenv(name)
            for name, value in settings.items():
                patch.setenv(name, value)
            time.tzset()
            yield
    finally:
        os.umask(umask)
        time.tzset()


@contextlib.contextmanager
def loopback_only() -> Iterator[list[str]]:
    """Refuse connections of this process to other machines; yield the addresses refused.

    Children are not covered: they know no proxy and no URL that the tests did not give them.
    """
    refused: list[str] = []
    real = {"connect": socket.socket.connect, "connect_ex": socket.socket.connect_ex}

    def guarded(name: str) -> Any:
        def connect(self: socket.socket, address: Any) -> Any:
            if not _is_local(self, address):
                refused.append(str(address))
                raise PermissionError(f"tests must not connect to {address}")
            return real[name](self, address)

        return connect

    with pytest.MonkeyPatch.context() as patch:
        for name in real:
            patch.setattr(socket.socket, name, guarded(name))
        yield refused


def home_snapshot(home: Path) -> Snapshot:
    """Return what stands in `home`: folders by existence, files by time (ns) and size.

    Files that interactive shells and editors write at any moment are left out.
    """
    found: Snapshot = {}
    with contextlib.suppress(OSError):
        names = [name for name in os.listdir(home) if not WRITTEN_BY_SHELLS.fullmatch(name)]
        for name in [*names, *WATCHED_BELOW_HOME]:
            with contextlib.suppress(OSError):
                # Asked around every test: a Path would cost more than the call.
                info = os.lstat(f"{home}/{name}")
                is_folder = stat.S_ISDIR(info.st_mode)
                found[name] = (0, 0) if is_folder else (info.st_mtime_ns, info.st_size)
    return found


def home_changes(before: Snapshot, after: Snapshot) -> list[str]:
    """Return the names of entries that came, went or changed."""
    names = before.keys() | after.keys()
    return sorted(name for name in names if before.get(name) != after.get(name))


def _is_local(connection: socket.socket, address: Any) -> bool:
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return True
    host = str(address[0]).partition("%")[0]
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
