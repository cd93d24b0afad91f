"""What git says of the machine that it runs on."""

from __future__ import annotations

import pytest

from git_hybrid.core.errors import GitFailed
from git_hybrid.core.machine import closed, disk_trouble, held_lock, refusal, was_ended


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("fatal: write error: No space left on device", "No space left on device"),
        ("error: unable to create temporary file: read-only file system", "Read-only file system"),
        ("fatal: cannot open '/x': Too many open files", "Too many open files"),
        ("error: /x: Disk quota exceeded", "Disk quota exceeded"),
        ("fatal: early EOF", None),
        ("fatal: remote error: No space left on device", None),
        ("fatal: unable to access '': the requested url returned error: 507 no space left on device", None),
        ("", None),
    ],
)
def test_what_the_disk_refuses(told: str, reason: str | None) -> None:
    assert disk_trouble(told) == reason
    assert not was_ended(told)


@pytest.mark.parametrize(
    ("told", "ended"),
    [
        ("error: index-pack died of signal 9", True),
        ("fatal: Out of memory, malloc failed", True),
        ("fatal: mmap failed: cannot allocate memory", True),
        ("error: cannot fork() for index-pack: Resource temporarily unavailable", True),
        ("fatal: unable to create thread: Resource temporarily unavailable", True),
        ("error: cannot create async thread: Resource temporarily unavailable", True),
        ("fatal: the remote end hung up unexpectedly", False),
    ],
)
def test_what_was_ended_by_force(told: str, ended: bool) -> None:
    assert was_ended(told) is ended
    assert was_ended(told, 128) is ended
    assert was_ended(told, -9)
    assert GitFailed(command="git fetch", status=128, stderr=told).was_ended is ended
    assert disk_trouble(told) is None


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("fatal: couldn't read .git/packed-refs: Input/output error", "Input/output error"),
        ("error: x\nwarning: unable to access '/x': Too many open files\nfatal: y", "Too many open files"),
        ("fatal: cannot open '/x': Too many open files in system", "Too many open files in system"),
        ("fatal: write error: Stale file handle\n", "Stale file handle"),
        ("fatal: write error: File too large", "File too large"),
        ("remote: fatal: write error: File too large", None),
        ("fatal: unable to access 'https://x/': Recv failure: Input/output error", None),
        ("error: RPC failed; curl 56 Recv failure: Input/output error", None),
        ("fatal: bad revision ': File too large'", None),
        ("fatal: remote error: Too many open files", None),
        ("fatal: remote error: x\nfatal: write error: File too large", "File too large"),
        ("fatal: invalid ls-refs response: x: Input/output error", None),
        ("fatal: expected shallow/unshallow, got x: Input/output error", None),
        (f"error: object {'1' * 40}: badTagName: invalid 'tag' name: x: Input/output error", None),
        (f"warning: object {'1' * 64}: badTagName: invalid 'tag' name: x: Input/output error", None),
        ("warning: redirecting to https://x/: Too many open files", None),
    ],
)
def test_what_the_system_refuses_git(told: str, reason: str | None) -> None:
    assert refusal(told) == reason


@pytest.mark.parametrize(
    ("told", "lock"),
    [
        ("fatal: Unable to create '/x/.git/index.lock': File exists.\n\nAnother git process", "/x/.git/index.lock"),
        ("fatal: cannot lock ref 'HEAD': Unable to create '/x y/HEAD.lock': File exists.", "/x y/HEAD.lock"),
        ("error: could not lock config file .git/config: File exists", ".git/config.lock"),
        ("fatal: Unable to create '/x/.git/index.lock': Permission denied", None),
        ("fatal: cannot lock ref 'refs/a/b': 'refs/a' exists; cannot create 'refs/a/b'", None),
    ],
)
def test_which_lock_another_git_holds(told: str, lock: str | None) -> None:
    assert held_lock(told) == lock


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("fatal: couldn't read /x/.git/packed-refs: Permission denied", "Permission denied"),
        ("warning: x\nfatal: unable to access '.git/config': Operation not permitted\n", "Operation not permitted"),
        ("fatal: failed to read object 0123: Permission denied", "Permission denied"),
        ("warning: unable to access '/home/x/.config/git/attributes': Permission denied\nfatal: bad object", None),
        ("error: cannot run /x/gpg: Permission denied", None),
        ("fatal: cannot exec '/x/ssh': Permission denied", None),
        ("x@y: Permission denied (publickey).\nfatal: Could not read from remote repository.", None),
        ("remote: fatal: couldn't read packed-refs: Permission denied", None),
    ],
)
def test_what_git_may_not_read(told: str, reason: str | None) -> None:
    assert closed(told) == reason
