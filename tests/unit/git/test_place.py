"""Which repository is meant where variables name one, and whose index: a hook hands on what git told it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from git_hybrid.git.place import of_commit, top_of

LINKED = "{}/other/.git/worktrees/wt"
MEANT = {
    "a hook": ("own", {"GIT_INDEX_FILE": ".git/index"}, "own", "", "own/.git/index"),
    "commit -a": ("own/ws", {"GIT_INDEX_FILE": "{}/own/.git/index.lock"}, "own", "", "own/.git/index.lock"),
    "an index of one's own": ("own", {"GIT_INDEX_FILE": "{}/index"}, "own", "", "index"),
    "linked": ("wt", {"GIT_DIR": LINKED, "GIT_INDEX_FILE": f"{LINKED}/index"}, "wt", LINKED[3:], f"{LINKED[3:]}/index"),
    "in a folder of it": ("wt/ws", {"GIT_DIR": LINKED}, "wt", LINKED[3:], ""),
    "dotfiles": ("home/ws", {"GIT_DIR": "{}/cfg", "GIT_WORK_TREE": "{}/home"}, "home", "cfg", ""),
    "a hook of theirs": ("home", {"GIT_DIR": "../cfg", "GIT_INDEX_FILE": "../cfg/index"}, "home", "cfg", "cfg/index"),
    "below another": ("own/ws", {"GIT_DIR": "{}/cfg", "GIT_WORK_TREE": "."}, "own/ws", "cfg", ""),
    "in place of another": ("own", {"GIT_DIR": "{}/cfg", "GIT_WORK_TREE": "{}/own"}, "own", "cfg", ""),
}
OF_ANOTHER = {
    "linked": ("own", {"GIT_DIR": LINKED, "GIT_INDEX_FILE": f"{LINKED}/index"}),
    "in a folder": ("own/ws", {"GIT_DIR": LINKED}),
    "the main one": ("own/ws", {"GIT_DIR": "{}/other/.git"}),
    "a bare one": ("own/ws", {"GIT_DIR": "."}),
    "--git-dir": ("own", {"GIT_DIR": "{}/cfg"}),
    "dotfiles": ("own", {"GIT_DIR": "{}/cfg", "GIT_WORK_TREE": ".", "GIT_INDEX_FILE": "{}/cfg/index"}),
    "dotfiles around it": ("own/ws", {"GIT_DIR": "{}/cfg", "GIT_WORK_TREE": "{}"}),
    "a submodule": ("wt", {"GIT_INDEX_FILE": ".git/index"}),
    "a submodule, commit -a": ("wt", {"GIT_INDEX_FILE": "{}/other/.git/index.lock"}),
}


@pytest.mark.parametrize(
    ("folder", "environ", "top", "git_dir", "index"),
    [
        *MEANT.values(),
        *((folder, environ, folder.partition("/")[0], "", "") for folder, environ in OF_ANOTHER.values()),
    ],
    ids=[*MEANT, *(f"of another: {name}" for name in OF_ANOTHER)],
)
def test_whose_repository_and_index_are_meant(
    folder: str,
    environ: dict[str, str],
    top: str,
    git_dir: str,
    index: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for path in ("own/.git", "other/.git", LINKED[3:], "cfg"):
        (tmp_path / path).mkdir(parents=True)
        (tmp_path / path / "HEAD").touch()
    for path in ("own/ws", "wt/ws", "home/ws"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "wt/.git").write_text(f"gitdir: {LINKED.format(tmp_path)}\n")
    monkeypatch.chdir(tmp_path / folder)
    given = {key: value.format(tmp_path) for key, value in environ.items()}
    assert top_of(str(tmp_path / folder), given) == str(tmp_path / top)
    told = {key: os.path.normpath(path) for key, path in of_commit(given, str(tmp_path / top)).items()}
    expected = {"GIT_DIR": git_dir, "GIT_WORK_TREE": git_dir and top, "GIT_INDEX_FILE": index}
    assert told == {key: str(tmp_path / path) for key, path in expected.items() if path}
