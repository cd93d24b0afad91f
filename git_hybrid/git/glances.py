"""A glance at each of many clones, by two processes where that pays.

Threads would not do: almost all of a glance is lstat(2), which hands the interpreter's lock over each time, and four
threads took four times as long as one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.plan import Clone
from git_hybrid.git import seen
from git_hybrid.git.glance import glance

_MANY = 64
"""From so many clones on a second process takes half of them: it costs five milliseconds, and shares its memory."""
_DOUBT, _SURE, _SETTLED = b"?", b"+", b"="


def glance_at(folder: str, pins: Mapping[SourceName, Pin]) -> dict[SourceName, Clone]:
    """Return the clones in *folder* that surely stand untouched at their *pins*, or where they were put before."""
    found = _at_pins(folder, pins)
    elsewhere = {name: seen.proved_at(f"{folder}/{name}") for name in pins if name not in found}
    put = {name: at for name, at in elsewhere.items() if at is not None and glance(f"{folder}/{name}", *at) is not None}
    return found | {name: _clone(folder, pins[name], commit) for name, (commit, _) in put.items()}


def _clone(folder: str, pin: Pin, head: Oid) -> Clone:
    # Imported here: only where a clone stands elsewhere is it asked what it has.
    raw, git_dir = import_module("git_hybrid.git.raw"), Path(folder, pin.source, ".git")
    try:
        with raw.opened(git_dir) as objects:
            has_pin = objects.holds(pin.commit)
    except raw.Unsure:
        libgit2 = import_module("git_hybrid.git.libgit2")
        repository = libgit2.open_repository(git_dir)
        has_pin = repository is not None and libgit2.holds(repository, pin.commit)
    return Clone(head=head, has_pin=has_pin, installed=head, sure=True)


def _at_pins(folder: str, pins: Mapping[SourceName, Pin]) -> dict[SourceName, Clone]:
    names = list(pins)
    # A copy of a process has one thread: with others in it a lock could stay closed for ever.
    if len(names) < _MANY or threading.active_count() > 1 or (os.cpu_count() or 1) < 2:
        return _one_by_one(folder, pins, names)
    half = len(names) // 2
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _tell(folder, pins, names[half:], writing)
    os.close(writing)
    with open(reading, "rb") as answers:
        found = _one_by_one(folder, pins, names[:half])
        told = answers.read()
    os.waitpid(child, 0)
    if len(told) != len(names) - half:
        return found | _one_by_one(folder, pins, names[half:])
    for at, name in enumerate(names[half:]):
        answer = told[at : at + 1]
        if answer != _DOUBT:
            commit = pins[name].commit
            settled = answer == _SETTLED
            found[name] = Clone(head=commit, has_pin=True, installed=commit, sure=True, settled=settled)
    return found


def _one_by_one(folder: str, pins: Mapping[SourceName, Pin], names: Sequence[SourceName]) -> dict[SourceName, Clone]:
    found = {name: glance(f"{folder}/{name}", pins[name].commit, pins[name].tree) for name in names}
    return {name: clone for name, clone in found.items() if clone is not None}


def _tell(folder: str, pins: Mapping[SourceName, Pin], names: Sequence[SourceName], writing: int) -> None:
    """Write a byte for each of *names* and end the process, whatever happens."""
    try:
        found = _one_by_one(folder, pins, names)
        answers = [_DOUBT if name not in found else _SETTLED if found[name].settled else _SURE for name in names]
        left = b"".join(answers)
        while left:
            left = left[os.write(writing, left) :]
    finally:
        os._exit(0)
