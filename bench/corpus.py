"""Deterministic upstreams, made by `git fast-import`: `make_corpus` makes the same commit ids on every machine.

Upstream *i* depends on *i* and the profile alone, so 20 upstreams are the first of 100. One in ten has commits that
come later: they are in its pack, below hidden refs, until `move_upstream` puts `main` on the next of them.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from bench.sandbox import GIT_ENV

LATER: Final = 32
"""How many commits are yet to come in an upstream that moves."""
MOVES_EVERY: Final = 10
_HIDDEN = "refs/bench/later/"
_EPOCH = 1_700_000_000
_AUTHOR = "Bench <bench@example.org>"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_FOLDERS = ("src", "src/core", "src/core/io", "src/net", "docs", "docs/how-to", "tests", "tests/data", "tools", "")
_ENDINGS = ("py", "c", "h", "md", "toml", "txt")
_VERSION = 2


class Profile(NamedTuple):
    """How large upstreams are: each pair holds the smallest and the largest count."""

    name: str
    files: tuple[int, int]
    commits: tuple[int, int]
    lines: tuple[int, int]


LARGE: Final = Profile(name="large", files=(50, 400), commits=(50, 200), lines=(10, 170))
SMALL: Final = Profile(name="small", files=(10, 40), commits=(5, 20), lines=(10, 100))
PROFILES: Final = {profile.name: profile for profile in (LARGE, SMALL)}


class Upstream(NamedTuple):
    """One bare repository: its name, the tip of `main` before anything moved, and the commits that come later."""

    name: str
    head: str
    later: tuple[str, ...]


class Corpus(NamedTuple):
    """Bare repositories `<folder>/<name>.git`."""

    folder: Path
    profile: Profile
    upstreams: tuple[Upstream, ...]


def make_corpus(folder: Path, count: int, profile: Profile, *, processes: int | None = None) -> Corpus:
    """Make the first *count* upstreams of *profile* below *folder*; those that are there already stay.

    Raises:
        subprocess.CalledProcessError: git failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(max_workers=processes or os.cpu_count()) as pool:
        made = pool.map(_make_or_read, [folder] * count, range(count), [profile] * count, chunksize=4)
        return Corpus(folder=folder, profile=profile, upstreams=tuple(made))


def move_upstream(corpus: Corpus, upstream: Upstream, step: int) -> str:
    """Put `main` of *upstream* on its later commit number *step* (0: where it was at first); return that commit."""
    commit = upstream.head if step == 0 else upstream.later[step - 1]
    _git(corpus.folder / f"{upstream.name}.git", "update-ref", "refs/heads/main", commit)
    return commit


def moving(upstreams: Sequence[Upstream], percent: int) -> list[Upstream]:
    """Return *percent* (1 or 10) of a hundred of the upstreams, at least one, spread evenly; all of them can move."""
    return list(upstreams[:: 100 // percent])


def _make_or_read(folder: Path, number: int, profile: Profile) -> Upstream:
    name = f"{profile.name}-{number:04}"
    told = folder / f"{name}.json"
    if told.exists():
        facts = json.loads(told.read_text(encoding="utf-8"))
        if facts["version"] == _VERSION:
            return Upstream(name=name, head=facts["head"], later=tuple(facts["later"]))
    upstream = make_upstream(folder, number, profile)
    facts = {"version": _VERSION, "head": upstream.head, "later": upstream.later}
    told.write_text(json.dumps(facts), encoding="utf-8")
    return upstream


def make_upstream(folder: Path, number: int, profile: Profile) -> Upstream:
    """Make the upstream *number* as a packed bare repository that gives out any commit.

    Raises:
        subprocess.CalledProcessError: git failed.
    """
    name = f"{profile.name}-{number:04}"
    repo = folder / f"{name}.git"
    subprocess.run(["rm", "-rf", "--", str(repo)], check=True)
    subprocess.run(["git", "init", "-q", "--bare", "--template=", "-b", "main", str(repo)], check=True, env=GIT_ENV)
    with (repo / "config").open("a", encoding="ascii") as config:
        config.write("[uploadpack]\n\tallowAnySHA1InWant = true\n\tallowFilter = true\n")
        config.write("[transfer]\n\thideRefs = refs/bench\n[http]\n\treceivepack = false\n")
    later = LATER if number % MOVES_EVERY == 0 else 0
    stream = b"".join(_stream(Random(f"{profile.name} {number}"), profile, later))
    subprocess.run(["git", "fast-import", "--quiet"], cwd=repo, input=stream, check=True, env=GIT_ENV)
    _git(repo, "repack", "-q", "-a", "-d", "-f", "--window=10", "--depth=50")
    _git(repo, "pack-refs", "--all")
    found = _git(repo, "for-each-ref", "--format=%(objectname)", f"{_HIDDEN}*").split()
    return Upstream(name=name, head=_git(repo, "rev-parse", "refs/heads/main").strip(), later=tuple(found))


def _git(repo: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(repo), *args], check=True, env=GIT_ENV, capture_output=True, text=True)
    return done.stdout


def _stream(chance: Random, profile: Profile, later: int) -> Iterator[bytes]:
    words = ["".join(chance.choices(_LETTERS, k=_between(chance, (3, 9)))) for _ in range(800)]
    files: dict[str, list[str]] = {}
    wanted, commits = _between(chance, profile.files), _between(chance, profile.commits)
    for number in range(commits + later):
        changed: dict[str, list[str]] = {}
        due = wanted * 3 // 4 if number == 0 else wanted * 3 // 4 + wanted * number // (4 * commits)
        while len(files) < min(due, wanted):
            path = _new_path(chance, words, len(files))
            files[path] = changed[path] = _text(chance, words, _between(chance, profile.lines))
        if number:
            for path in chance.sample(sorted(files), k=min(3, len(files))):
                start = _between(chance, (0, len(files[path]) - 1))
                files[path][start : start + 2] = _text(chance, words, 3)
                changed[path] = files[path]
        ref = "refs/heads/main" if number < commits else f"{_HIDDEN}{number - commits + 1:02}"
        yield _commit(ref, number, changed)
        if number < commits and number % (commits // 6 + 1) == commits // 8:
            yield f"reset refs/tags/v0.{number}.0\nfrom :{number + 1}\n\n".encode()
    yield f"reset refs/heads/maint\nfrom :{max(commits - 2, 1)}\n\n".encode()


def _commit(ref: str, number: int, changed: dict[str, list[str]]) -> bytes:
    who = f"{_AUTHOR} {_EPOCH + 3600 * number} +0000"
    message = f"Change {number}\n".encode()
    parent = f"from :{number}\n".encode() if number else b""
    head = f"commit {ref}\nmark :{number + 1}\nauthor {who}\ncommitter {who}\ndata {len(message)}\n".encode()
    head += message + parent
    parts = [head]
    for path, lines in changed.items():
        data = "\n".join(lines).encode() + b"\n"
        parts.append(f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n")
    return b"".join(parts) + b"\n"


def _new_path(chance: Random, words: list[str], number: int) -> str:
    folder = chance.choice(_FOLDERS)
    name = f"{chance.choice(words)}_{number}.{chance.choice(_ENDINGS)}"
    return f"{folder}/{name}" if folder else name


def _text(chance: Random, words: list[str], lines: int) -> list[str]:
    """Return lines that pack about as well as source code: half of them words, half of them digits."""
    return [
        chance.randbytes(22).hex() if number % 3 == 0 else " ".join(chance.choices(words, k=7))
        for number in range(lines)
    ]


def _between(chance: Random, bounds: tuple[int, int]) -> int:
    low, high = bounds
    return low + int(chance.random() * (high - low + 1))
