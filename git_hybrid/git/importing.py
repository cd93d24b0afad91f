"""Read the submodules of a repository: their URLs, and the exact commits that it pins."""

from __future__ import annotations

from pathlib import Path

from git_hybrid.core.errors import BadArgument, InvalidFile, Problem
from git_hybrid.core.ids import InvalidText, Oid, Url, normalize_url, parse_oid, parse_ref_part, resolve_url
from git_hybrid.core.value import Struct
from git_hybrid.git.environment import child_environment
from git_hybrid.git.run import Runner


class Submodule(Struct, frozen=True, kw_only=True):
    """One submodule: its path, its URL made absolute, the branch it names (or None), the commit pinned (or None)."""

    path: str
    url: Url
    branch: str | None
    commit: Oid | None


def read_gitmodules(runner: Runner, file: Path) -> tuple[Submodule, ...]:
    """Return the submodules that *file* (a ``.gitmodules``) lists, with the commits in the index of its repository.

    Raises:
        BadArgument: there is no such file.
        InvalidFile: git cannot parse it, or an entry lacks what is needed; every bad entry is named.
    """
    if not file.is_file():
        raise BadArgument(what="--import", value=str(file), reason="no such file")
    values = _values(runner, file)
    names = list(dict.fromkeys(name for name, _ in values))
    base = _origin(runner, file.parent)
    pinned = _gitlinks(runner, file.parent)
    problems: list[Problem] = []
    found: list[Submodule] = []
    for name in names:
        try:
            found.append(_submodule(name, values, base, pinned))
        except InvalidText as error:
            problems.append(Problem(f"submodule {name}", str(error)))
    if problems:
        raise InvalidFile(path=str(file), problems=tuple(problems))
    return tuple(found)


def _submodule(name: str, values: dict[tuple[str, str], str], base: Url | None, pinned: dict[str, Oid]) -> Submodule:
    path, url = values.get((name, "path")), values.get((name, "url"))
    if not path or not url:
        raise InvalidText("has no path or no url")
    branch = values.get((name, "branch"), ".")
    return Submodule(
        path=path,
        url=resolve_url(url, base),
        branch=None if branch == "." else parse_ref_part(branch),
        commit=pinned.get(path),
    )


def _values(runner: Runner, file: Path) -> dict[tuple[str, str], str]:
    env = child_environment(runner.environ, network=True)
    done = runner.run(["git", "config", "--file", str(file), "--null", "--list"], env=env)
    if done.status != 0:
        raise InvalidFile(path=str(file), problems=(Problem("file", done.stderr.strip()[:200]),))
    values: dict[tuple[str, str], str] = {}
    for item in done.stdout.decode("utf-8", "replace").split("\0"):
        key, _, value = item.partition("\n")
        section, _, rest = key.partition(".")
        name, _, last = rest.rpartition(".")
        if section == "submodule" and name:
            values[name, last] = value
    return values


def _origin(runner: Runner, folder: Path) -> Url | None:
    env = child_environment(runner.environ, network=True)
    done = runner.run(["git", "config", "--get", "remote.origin.url"], env=env, cwd=folder)
    try:
        return normalize_url(done.stdout.decode("utf-8", "replace").strip())
    except InvalidText:
        return None


def _gitlinks(runner: Runner, folder: Path) -> dict[str, Oid]:
    env = child_environment(runner.environ, network=True)
    done = runner.run(["git", "ls-files", "--stage", "-z", "--full-name", "."], env=env, cwd=folder)
    links: dict[str, Oid] = {}
    for line in done.stdout.decode("utf-8", "replace").split("\0"):
        head, _, path = line.partition("\t")
        if head.startswith("160000 "):
            links[path] = parse_oid(head.split()[1])
    return links
