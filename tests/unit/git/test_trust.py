"""A workspace that another user made counts where git would take a repository of theirs, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from git_hybrid.core.errors import ForeignWorkspace
from git_hybrid.git.run import Completed, Runner
from git_hybrid.git.trust import names, require_trusted
from support.gitenv import git_env

OTHER = 65534


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], False),
        (["*"], True),
        (["*", ""], False),
        (["", "/srv/shared"], True),
        (["/srv/shared/"], True),
        (["/srv/*"], True),
        (["/srv"], False),
        (["/srv/share*", "srv/shared", ".", "shared", "~nobody-of-that-name/x"], False),
        (["/srv/shared/below"], False),
    ],
)
def test_git_s_setting_names_folders(values: list[str], expected: bool) -> None:
    assert names("/srv/shared", values) is expected


def test_a_home_is_written_as_git_takes_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "link").symlink_to(tmp_path)
    assert names(str(tmp_path.resolve() / "ws"), ["~/ws"])
    assert names(str(tmp_path.resolve() / "ws"), ["~/link/ws"])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = (tmp_path / "ws").resolve()
    folder.mkdir()
    (folder / "sources.toml").touch()
    return folder


class Counting:
    """A `Runner` that keeps which commands of git it ran."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.ran: list[str] = []

    def run(self, argv: Sequence[str], **more: Any) -> Completed:
        self.ran.append(argv[1])
        return Runner(environ=self.environ).run(argv, **more)


def asked(root: Path, **environ: str) -> list[str]:
    """Return the git commands that it takes to trust *root*."""
    runner = Counting(git_env() | environ)
    require_trusted(cast("Runner", runner), root)
    return runner.ran


def test_what_is_ours_or_root_s_takes_no_process(root: Path) -> None:
    assert asked(root) == []
    root.chmod(0o1777)
    assert asked(root) == []
    # Whoever reads it tells that it is not there.
    (root / "sources.toml").unlink()
    assert asked(root) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("part", [".", "sources.toml"])
def test_what_another_user_made_is_refused_unless_it_is_trusted(root: Path, part: str, tmp_path: Path) -> None:
    os.chown(root / part, OTHER, OTHER)
    if part != ".":
        # Whoever edits it last in a folder that a group shares was let in.
        root.chmod(0o2775)
        assert asked(root) == []
        root.chmod(0o1777)
    with pytest.raises(ForeignWorkspace) as caught:
        asked(root, HOME=str(tmp_path))
    assert (caught.value.path, caught.value.owner) == (os.path.normpath(root / part), OTHER)
    assert caught.value.mend == f"git config --global --add safe.directory {root}"
    for uid in ("0", "1", "x", "-1", "65534x", "9" * 40):
        with pytest.raises(ForeignWorkspace):
            asked(root, SUDO_UID=uid)
    assert asked(root, SUDO_UID=str(OTHER)) == []
    said = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": str(root)}
    assert asked(root, **said) == ["config"]
    # git judges its repositories by itself.
    (root / ".git").mkdir()
    assert asked(root) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_sudo_counts_for_root_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.chown(root, OTHER, OTHER)
    monkeypatch.setattr(os, "geteuid", lambda: 1)
    with pytest.raises(ForeignWorkspace):
        asked(root, SUDO_UID=str(OTHER))
    monkeypatch.setattr(os, "geteuid", lambda: OTHER)
    assert asked(root) == []
