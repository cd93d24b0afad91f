"""Hints are typed where they are read."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from git_hybrid.cli.placing import Place, place_of

MENDS = {
    "git hybrid pin a --to v1": ("git hybrid pin a --to v1", "git hybrid -C w pin a --to v1"),
    "git hybrid diff a, then git hybrid reset a": (
        "git hybrid diff a, then git hybrid reset a",
        "git hybrid -C w diff a, then git hybrid -C w reset a",
    ),
    "git hybrid -C x pin a --signature state/s": ("git hybrid -C x pin a --signature state/s",) * 2,
    "git -C sources/a status": ("git -C ../sources/a status", "git -C w/sources/a status"),
    "git add -- sources.toml state, then git commit": (
        "git -C .. add -- sources.toml state, then git -C .. commit",
        "git -C w add -- sources.toml state, then git -C w commit",
    ),
    "restore it (git checkout HEAD -- state/sources.lock), or: git hybrid pin": (
        "restore it (git -C .. checkout HEAD -- state/sources.lock), or: git hybrid pin",
        "restore it (git -C w checkout HEAD -- state/sources.lock), or: git hybrid -C w pin",
    ),
    "put it into state/sources.lock: git show :3:./state/sources.lock": (
        "put it into ../state/sources.lock: git -C .. show :3:./state/sources.lock",
        "put it into w/state/sources.lock: git -C w show :3:./state/sources.lock",
    ),
    "ls -l state": ("ls -l ../state", "ls -l w/state"),
    "git -C 'sources/a b' log -3": ("git -C '../sources/a b' log -3", "git -C 'w/sources/a b' log -3"),
    "git bundle create - --all > /dev/null": (
        "git -C .. bundle create - --all > /dev/null",
        "git -C w bundle create - --all > /dev/null",
    ),
    "git checkout HEAD -- state && git clean -f -- 'state/sources*'": (
        "git -C .. checkout HEAD -- state && git -C .. clean -f -- 'state/sources*'",
        "git -C w checkout HEAD -- state && git -C w clean -f -- 'state/sources*'",
    ),
    "git show a:./state/x | awk 1 state/x - > state/x.new && mv state/x.new state/x": (
        "git -C .. show a:./state/x | awk 1 ../state/x - > ../state/x.new && mv ../state/x.new ../state/x",
        "git -C w show a:./state/x | awk 1 w/state/x - > w/state/x.new && mv w/state/x.new w/state/x",
    ),
    "git checkout $(git log -1 -- state/x) -- state/x": (
        "git -C .. checkout $(git -C .. log -1 -- state/x) -- state/x",
        "git -C w checkout $(git -C w log -1 -- state/x) -- state/x",
    ),
    'git rm -q -- state/x; mv -- state/x "$(git rev-parse --absolute-git-dir)"': (
        'git -C .. rm -q -- state/x; mv -- ../state/x "$(git -C .. rev-parse --absolute-git-dir)"',
        'git -C w rm -q -- state/x; mv -- w/state/x "$(git -C w rev-parse --absolute-git-dir)"',
    ),
    "on the other side, make it anew: git hybrid bundle create -o FILE": (
        "on the other side, make it anew: git hybrid bundle create -o FILE",
    )
    * 2,
    "git -C /w checkout HEAD -- sources.toml state; git -C '/a b' log -- sources/x": (
        "git -C /w checkout HEAD -- sources.toml state; git -C '/a b' log -- sources/x",
    )
    * 2,
    "git -C \"$(printf '/a\\011b')\" checkout HEAD -- sources/x": (
        "git -C \"$(printf '/a\\011b')\" checkout HEAD -- sources/x",
    )
    * 2,
    "if you have stashed it: git stash pop": (
        "if you have stashed it: git -C .. stash pop",
        "if you have stashed it: git -C w stash pop",
    ),
    "git config --show-origin --get-regexp '^url\\..*(a|b)$'; git config --global a b": (
        "git -C .. config --show-origin --get-regexp '^url\\..*(a|b)$'; git config --global a b",
        "git -C w config --show-origin --get-regexp '^url\\..*(a|b)$'; git config --global a b",
    ),
    "git ls-remote https://host/sources/a": ("git ls-remote https://host/sources/a",) * 2,
}


@pytest.mark.parametrize("mend", MENDS)
def test_a_mend_is_typed_below_and_above_the_workspace(mend: str) -> None:
    inside, outside = MENDS[mend]
    assert Place().command(mend) == mend
    assert Place("..").command(mend) == inside
    assert Place("w", is_found=False).command(mend) == outside


@pytest.mark.parametrize("folder", ["'/a (2)/b, c'", "/a,b", "'/it'\"'\"'s; a'", "\"$(printf '/a (2)\\011b')\""])
def test_a_command_for_a_folder_is_whole_whatever_its_name_is(folder: str) -> None:
    told = f"git -C {folder} checkout HEAD -- sources.toml 'state/x (2), state/y'"
    hinted = f"git hybrid -C {folder} pin --signature state/s"
    place = Place("a (2)", is_found=False)
    assert place.command(f"{told}, then git add -- 'sources/a, (b)/state/x'; {hinted}") == (
        f"{told}, then git -C 'a (2)' add -- 'sources/a, (b)/state/x'; {hinted}"
    )


def test_a_folder_with_a_space_is_quoted() -> None:
    place = Place("a b", is_found=False)
    assert place.command("git hybrid pin; mend sources.toml") == "git hybrid -C 'a b' pin; mend 'a b/sources.toml'"


@pytest.mark.parametrize("name", ["w\tx", "\udcff\n)", "\u202e", "it's a"])
def test_a_folder_is_typed_as_a_shell_takes_it(name: str) -> None:
    mend = "git hybrid pin; ls sources/a 'sources/a b'; git rm 'sources/a b'"
    told = Place(name, is_found=False).command(mend)
    assert told.isprintable()
    shell = ["sh", "-c", f'git() {{ for word; do printf \'<%s>\' "$word"; done; }}; ls() {{ git "$@"; }}; {told}']
    words = ("hybrid", "-C", name, "pin", f"{name}/sources/a", f"{name}/sources/a b", "-C", name, "rm", "sources/a b")
    assert os.fsdecode(subprocess.run(shell, capture_output=True, check=True).stdout) == "".join(
        f"<{w}>" for w in words
    )


def test_where_a_workspace_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "w/inner/deep").mkdir(parents=True)
    (tmp_path / "w/sources.toml").touch()
    for folder, place in ((".", Place("w", is_found=False)), ("w", Place()), ("w/inner", Place(".."))):
        monkeypatch.chdir(tmp_path / folder)
        assert place_of(tmp_path / "w") == place
    (tmp_path / "w/inner/sources.toml").touch()
    assert place_of(tmp_path / "w") == Place("..", is_found=False)
    monkeypatch.chdir(tmp_path / "w/inner/deep")
    (tmp_path / "w/inner/deep").rmdir()
    assert place_of(tmp_path / "w") == Place()
