"""What in a clone's ``.git`` makes git see, hide or run something else than the pinned commit."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from git_hybrid.core.pattern import pattern
from git_hybrid.core.plan import ATTRIBUTES_FILE, NO_SETTINGS, SPARSE_FILE
from git_hybrid.core.tree import show_path
from git_hybrid.core.words import shorten
from git_hybrid.git.linked import links_in
from git_hybrid.git.origin import has_settings
from git_hybrid.git.plainfiles import plain_settings, read_plain
from git_hybrid.git.programs import LFS_FILTER
from git_hybrid.git.quarantine import ATTRIBUTES, ATTRIBUTES_LFS
from git_hybrid.git.run import Runner

_FILES = {
    "info/grafts": "gives commits other parents",
    "objects/info/alternates": "takes objects from another repository",
    "objects/info/http-alternates": "takes objects from a server",
    "commondir": "makes the folder a part of another repository",
}
_SETTINGS = ("config", "config.worktree")
_SPARSE = "core.sparsecheckout"
# An allow-list: git grows settings that hide or run something faster than a list of the bad ones could.
_PLAIN = pattern(
    r"core\.(repositoryformatversion|logallrefupdates|precomposeunicode|sparsecheckoutcone)"
    r"|extensions\.(objectformat|partialclone|worktreeconfig|relativeworktrees)"
    r"|remote\..*\.(url|pushurl|fetch|tagopt|promisor|partialclonefilter)"
    r"|lfs\.(repositoryformatversion|.*\.(access|locksverify))|(user|branch|advice|color|pull|push)\..*",
    re.DOTALL,
)
# What gh, glab, git-review, git gui, git maintenance and people write into a clone that they work in: it runs nothing
# that others chose, and hides nothing. Of git gui no more: what it hands on to git (gui.diffopts) may begin a program.
_WORK = pattern(
    r"remote\..*\.((gh|glab)-resolved|prune|prunetags|skipdefaultupdate|skipfetchall)|remote\.pushdefault"
    r"|fetch\.(all|output|parallel|prune|prunetags|showforcedupdates|writecommitgraph)"
    r"|commit\.(cleanup|gpgsign|status|verbose)|tag\.(forcesignannotated|gpgsign|sort)|gpg\.format"
    r"|format\.(attach|cc|coverfromdescription|coverletter|encodeemailheaders|from|headers|mboxrd|notes|numbered|pretty)"
    r"|format\.(signature|signoff|subjectprefix|suffix|thread|to|useautobase)|rerere\.(autoupdate|enabled)"
    r"|rebase\.(abbreviatecommands|autosquash|autostash|forkpoint|instructionformat|maxlabellength|missingcommitscheck)"
    r"|rebase\.(rebasemerges|reschedulefailedexec|stat|updaterefs)"
    r"|merge\.(autostash|branchdesc|conflictstyle|directoryrenames|ff|log|renamelimit|renames|stat|verbosity)"
    r"|log\.(abbrevcommit|date|decorate|diffmerges|excludedecoration|follow|graphcolors|initialdecorationset|mailmap)"
    r"|log\.showroot|diff\.(algorithm|colormoved|colormovedws|context|dirstat|indentheuristic|interhunkcontext)"
    r"|diff\.(mnemonicprefix|noprefix|renamelimit|renames|statgraphwidth|statnamewidth|suppressblankempty|wordregex)"
    r"|diff\.wserrorhighlight|status\.(aheadbehind|branch|displaycommentprefix|relativepaths|renamelimit|renames|short)"
    r"|status\.showstash|gc\.(aggressivedepth|aggressivewindow|auto|autodetach|autopacklimit|cruftpacks|packrefs)"
    r"|gc\.(pruneexpire|worktreepruneexpire|writecommitgraph|(.*\.)?reflogexpire(unreachable)?)"
    r"|maintenance\.(auto|autodetach|strategy|.*\.(auto|enabled|schedule))|credential\.(.*\.)?username"
    r"|gitreview\.username|gui\.(geometry|wmstate)",
    re.DOTALL,
)
_VALUES = {"core.filemode": "true", "core.bare": "false", "core.symlinks": "true", "core.trustctime": "true"}
# As `git sparse-checkout disable` leaves them, with the file of what was left out before.
_VALUES |= {_SPARSE: "false", "index.sparse": "false"}
if sys.platform == "darwin":  # pragma: no cover
    _VALUES["core.ignorecase"] = "true"
# With a path behind its format the refs stand elsewhere (git 2.54).
_REF_STORAGE, _REF_FORMATS = "extensions.refstorage", ("files", "reftable")
_HOLD_REFS = frozenset({"refs/replace", "reftable", "commondir"})
_REPLACING = b"refs/replace/"
_SHOWN = 10
# What git-lfs itself puts there whenever git starts it as a filter (its docs/man/git-lfs-install.1); no word in it runs
# anything else.
_HOOK_OF_LFS = pattern(
    rb"#!/bin/sh\ncommand -v git-lfs >/dev/null 2>&1 \|\| \{ (?:echo|printf) >&2(?: \"[^\"`$]*\")+; exit 2; \}\n"
    rb"git lfs (?P<name>[a-z-]+) \"\$@\"\n?"
)
_HOOK_LIMIT, _ANY_RUNS = 1024, 0o111


def find_oddities(runner: Runner, git_dir: Path, *, lfs: bool) -> Iterator[str]:
    """Yield what is odd about the repository at *git_dir*, in words; *lfs*: content stands in place of pointers."""
    if _may_replace(git_dir):
        listed = runner.git(["for-each-ref", "--format=%(refname)", "refs/replace/"], git_dir=git_dir)
        replaced = listed.stdout.decode("utf-8", "replace").split("\n")[:-1]
        if replaced or listed.status != 0:
            refs = ", ".join(replaced[:_SHOWN]) or "a ref that git cannot read"
            yield f"{refs} puts other objects in the place of those named"
    for name, effect in _FILES.items():
        if (git_dir / name).exists():
            yield f".git/{name} {effect}"
    for name in links_in(os.fspath(git_dir))[:_SHOWN]:
        yield f".git/{show_path(os.fsencode(name))} is a symbolic link, so what is written there lands somewhere else"
    for name in sorted(_hooks(git_dir, lfs=lfs))[:_SHOWN]:
        yield f".git/hooks/{show_path(os.fsencode(name))} is run by git"
    if not has_settings(git_dir):
        yield f"{NO_SETTINGS}, so git does not know where it came from"
    yield from _odd_settings(runner, git_dir, lfs=lfs)
    yield from _odd_attributes(git_dir, lfs=lfs)


def _odd_settings(runner: Runner, git_dir: Path, *, lfs: bool) -> Iterator[str]:
    odd = {name: _odd_in(runner, git_dir / name, lfs=lfs) for name in _SETTINGS}
    if any(_SPARSE in keys for keys in odd.values()) and (git_dir / "info/sparse-checkout").exists():
        # The setting alone has git look at the file, and goes with it.
        odd = {name: [key for key in keys if key != _SPARSE] for name, keys in odd.items()}
        yield f"{SPARSE_FILE} leaves files of the commit out"
    for name, keys in odd.items():
        if keys:
            yield f".git/{name} sets {', '.join(map(shorten, keys[:_SHOWN]))}"


def _odd_attributes(git_dir: Path, *, lfs: bool) -> Iterator[str]:
    attributes = git_dir / "info/attributes"
    if not attributes.exists():
        yield f"{ATTRIBUTES_FILE} is missing, so filters and line endings may change files"
    elif attributes.is_symlink():
        yield f"{ATTRIBUTES_FILE} is a symbolic link, and git reads what it leads to"
    elif read_plain(attributes) != (ATTRIBUTES_LFS if lfs else ATTRIBUTES).encode("ascii"):
        yield f"{ATTRIBUTES_FILE} lets filters and line endings change files"


def _hooks(git_dir: Path, *, lfs: bool) -> Iterator[str]:
    """Yield the names of hooks that git would run in the clone, but for those of git-lfs where *lfs* is asked for."""
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(git_dir / "hooks") as found:
        for entry in found:
            is_run = not entry.name.endswith(".sample") and (entry.is_symlink() or entry.stat().st_mode & _ANY_RUNS)
            if is_run and not entry.is_dir() and not (lfs and _is_of_lfs(entry)):
                yield entry.name


def hooks_of_lfs(git_dir: Path) -> list[str]:
    """Return the names of the hooks that git-lfs has put into the repository."""
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(git_dir / "hooks") as found:
        return [entry.name for entry in found if _is_of_lfs(entry)]
    return []


def _is_of_lfs(entry: os.DirEntry[str]) -> bool:
    if not entry.is_file(follow_symlinks=False):
        return False
    with open(entry.path, "rb") as file:
        found = _HOOK_OF_LFS.fullmatch(file.read(_HOOK_LIMIT))
    return found is not None and found["name"] == os.fsencode(entry.name)


def _may_replace(git_dir: Path) -> bool:
    """Tell whether a ref may be below ``refs/replace/``: where none is packed each is a file, and git need not look."""
    try:
        names = [*os.listdir(git_dir), *(f"refs/{name}" for name in os.listdir(git_dir / "refs"))]
    except OSError:
        return True
    if any(name.lower() in _HOLD_REFS for name in names):
        return True
    packed = [name for name in names if name.lower() == "packed-refs"]
    return any(_REPLACING in (read_plain(git_dir / name) or _REPLACING) for name in packed)


def odd_settings(runner: Runner, git_dir: Path) -> list[str]:
    """Return the keys of the settings that this tool does not write and that are not plainly harmless."""
    return sorted({key for name in _SETTINGS for key in _odd_in(runner, git_dir / name, lfs=False)})


def _odd_in(runner: Runner, config: Path, *, lfs: bool) -> list[str]:
    if not os.path.lexists(config):
        return []
    settings = plain_settings(config)
    if settings is None:
        settings = _listed(runner, config)
    if settings is None:
        return ["something that cannot be read"]
    return sorted({key for key, value in settings if not is_plain(key, value, lfs=lfs)})


def _listed(runner: Runner, config: Path) -> list[tuple[str, str]] | None:
    from git_hybrid.git.listed import TooManySettings, listed, pairs

    arguments = ["config", "--file", str(config), "--no-includes", "--null", "--list"]
    try:
        done = listed(lambda into: runner.git(arguments, cwd=config.parent, watch=into))
    except TooManySettings:
        return None
    return pairs(done.stdout) if done.status == 0 else None


def is_plain(key: str, value: str, *, lfs: bool) -> bool:
    """Tell whether the setting is one that this tool or git itself writes, or plainly harmless."""
    if key in _VALUES:
        return value == _VALUES[key]
    if key == _REF_STORAGE:
        return value in _REF_FORMATS
    if lfs and key.startswith("filter.lfs."):
        return LFS_FILTER.get(key.removeprefix("filter.lfs.")) == value
    return _PLAIN.fullmatch(key) is not None or _WORK.fullmatch(key) is not None
