"""What in a clone's ``.git`` is odd: git is asked for refs that replace objects wherever one may be, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_hybrid.git.oddities import find_oddities, is_plain
from git_hybrid.git.run import Completed
from git_hybrid.git.skeleton import write_skeleton

REF = "refs/replace/1234"


class _Runner:
    """Answers as a git that knows of a ref."""

    asked = 0

    def git(self, arguments, **_where):
        is_ref = arguments[0] == "for-each-ref"
        self.asked += is_ref
        return Completed(0, f"{REF}\n".encode() if is_ref else b"", "")


@pytest.fixture
def git_dir(tmp_path: Path) -> Path:
    write_skeleton(tmp_path / ".git", object_format="sha1")
    return tmp_path / ".git"


def test_git_is_not_asked_where_there_can_be_none(git_dir):
    runner = _Runner()
    assert not any(REF in line for line in find_oddities(runner, git_dir, lfs=False))
    assert runner.asked == 0


@pytest.mark.parametrize("name", ["refs/replace", "refs/Replace", "packed-refs", "reftable", "commondir"])
def test_it_is_asked_where_one_may_be(git_dir, name):
    (git_dir / name).mkdir()
    assert any(REF in line for line in find_oddities(_Runner(), git_dir, lfs=False))


def test_it_is_asked_where_the_refs_cannot_be_read(git_dir):
    (git_dir / "refs").rename(git_dir / "away")
    assert any(REF in line for line in find_oddities(_Runner(), git_dir, lfs=False))


def test_packed_refs_are_read_without_it(git_dir):
    runner, packed = _Runner(), git_dir / "packed-refs"
    packed.write_text(f"# pack-refs with: peeled fully-peeled sorted \n{'1' * 40} refs/tags/replace/1234\n")
    assert not any(REF in line for line in find_oddities(runner, git_dir, lfs=False))
    assert runner.asked == 0
    packed.write_text(f"{'1' * 40} {REF}\n")
    assert any(REF in line for line in find_oddities(runner, git_dir, lfs=False))


def test_of_settings_those_are_plain_that_run_nothing_and_hide_nothing():
    plain = ["remote.origin.gh-resolved", "remote.pushdefault", "remote.a.b.prune", "fetch.prune", "commit.gpgsign"]
    plain += ["gpg.format", "tag.gpgsign", "format.signoff", "rerere.enabled", "rebase.autostash", "gui.geometry"]
    plain += ["merge.conflictstyle", "gui.wmstate", "maintenance.auto", "maintenance.commit-graph.schedule", "gc.auto"]
    plain += ["credential.username", "credential.https://a.b.username", "gitreview.username", "diff.algorithm"]
    plain += ["status.relativepaths", "merge.renames", "fetch.all", "fetch.writecommitgraph", "rebase.rebasemerges"]
    plain += ["rebase.forkpoint", "gc.pruneexpire", "gc.reflogexpire", "gc.refs/heads/*.reflogexpireunreachable"]
    plain += ["log.showroot", "diff.interhunkcontext", "diff.statgraphwidth", "format.coverletter", "format.from"]
    plain += ["maintenance.commit-graph.auto"]
    # Beside what runs a program: what names a file of elsewhere, and what leaves a change out of what is shown.
    odd = ["format.outputdirectory", "diff.orderfile", "diff.relative", "diff.tool", "gc.auto.command"]
    odd += ["alias.status", "commit.template", "core.editor", "core.pager", "core.hookspath", "credential.helper"]
    odd += ["credential.https://username.helper", "diff.external", "diff.algorithm.command", "diff.a.textconv"]
    odd += [
        "gitreview.host",
        "gui.diffopts",
        "diff.ignoresubmodules",
        "filter.a.clean",
        "gc.recentobjectshook",
        "gpg.program",
        "gpg.ssh.program",
    ]
    odd += ["gpg.ssh.defaultkeycommand", "include.path", "merge.ff.driver", "remote.a.vcs", "remote.a.uploadpack"]
    odd += [
        "remote.a.receivepack",
        "sequence.editor",
        "status.showuntrackedfiles",
        "pager.log",
        "interactive.difffilter",
    ]
    assert [key for key in plain + odd if is_plain(key, "true", lfs=False)] == plain


def test_of_the_extensions_those_are_plain_that_git_writes_and_that_hide_nothing():
    plain = [
        ("refstorage", "reftable"),
        ("refstorage", "files"),
        ("relativeworktrees", "true"),
        ("objectformat", "sha256"),
    ]
    odd = [("refstorage", "files:///elsewhere"), ("submodulepathconfig", "true"), ("compatobjectformat", "sha256")]
    told = {pair: is_plain(f"extensions.{pair[0]}", pair[1], lfs=False) for pair in plain + odd}
    assert [pair for pair, answer in told.items() if answer] == plain
