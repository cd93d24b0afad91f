"""T14 to T18, P6, P7: no program of the user's or of a source's runs, and nothing is written beside the workspace."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from git_hybrid.core.files import LOG
from support.cli import Hybrid, Result, executable, run_hybrid
from support.gitenv import git_env
from support.kit import changes, git, git_env_path, head, lock, snapshot
from support.tracing import trace
from support.upstream import Exec, Upstream, UpstreamFactory

ATTRIBUTES = (
    "* filter=evil diff=evil merge=evil ident\n*.bin filter=lfs\n*.txt text eol=crlf working-tree-encoding=UTF-16\n"
)
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12\n"


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit(
        {
            ".gitattributes": ATTRIBUTES,
            ".lfsconfig": "[lfs]\n\turl = https://evil.example.org/lfs\n\tstandalonetransferagent = evil\n",
            ".git-hybrid.toml": "[defaults]\njobs = 0\n",
            "sources.toml": "schema_version = 99\n",
            "a.txt": "$Id$\none\n",
            "big.bin": POINTER,
            "hooks/post-checkout": Exec(b"#!/bin/sh\ntouch ran\n"),
        }
    )
    return upstream


@pytest.fixture
def traps(tmp_path: Path) -> dict[str, str]:
    """A user whose configuration runs a command wherever git can be made to; return the environment."""
    folder = tmp_path / "traps"
    hooks = folder / "hooks"
    template = folder / "template/hooks"
    for place in (hooks, template):
        place.mkdir(parents=True)
        for name in (
            "post-checkout",
            "reference-transaction",
            "post-index-change",
            "pre-auto-gc",
            "fsmonitor-watchman",
        ):
            (place / name).write_text(f"#!/bin/sh\ntouch {folder}/ran-{name}\n")
            (place / name).chmod(0o755)
    touch = f"touch {folder}/ran-"
    (folder / "config").write_text(
        f"""
[user]
\tname = U
\temail = u@example.org
[core]
\thooksPath = {hooks}
\tfsmonitor = {touch}fsmonitor
\tpager = {touch}pager
\teditor = {touch}editor
\talternateRefsCommand = {touch}alternates
[init]
\ttemplateDir = {folder}/template
[filter "evil"]
\tclean = {touch}clean
\tsmudge = {touch}smudge
\trequired = true
[filter "lfs"]
\tclean = {touch}lfs
\tsmudge = {touch}lfs
\tprocess = {touch}lfs
[diff]
\texternal = {touch}external
[diff "evil"]
\ttextconv = {touch}textconv
\tcommand = {touch}difftool
[merge "evil"]
\tdriver = {touch}merge
[hook "evil"]
\tcommand = {touch}confighook
\tevent = reference-transaction
[log]
\tshowSignature = true
[gpg]
\tprogram = {folder}/gpg
[alias]
\tfetch = !{touch}alias
[maintenance]
\tauto = true
[gc]
\tauto = 1
[protocol "ext"]
\tallow = always
"""
    )
    return {
        "GIT_CONFIG_GLOBAL": str(folder / "config"),
        "GIT_EXTERNAL_DIFF": f"{touch}GIT_EXTERNAL_DIFF",
        "GIT_PAGER": f"{touch}GIT_PAGER",
        "GIT_EDITOR": f"{touch}GIT_EDITOR",
        "GIT_TEMPLATE_DIR": str(folder / "template"),
        "GIT_PROXY_COMMAND": f"{touch}proxy",
        "TRAPS": str(folder),
    }


def _ran(traps: dict[str, str]) -> list[str]:
    return sorted(path.name for path in Path(traps["TRAPS"]).glob("ran-*"))


def test_the_traps_work_on_a_naive_client(tool: Upstream, traps: dict[str, str], tmp_path: Path) -> None:
    env = git_env() | traps | {"PATH": os.environ["PATH"]}
    clone = ["git", "clone", "-q", tool.url, "naive"]
    subprocess.run(clone, cwd=tmp_path, check=False, env=env, capture_output=True)
    subprocess.run(["git", "status"], cwd=tmp_path / "naive", check=False, env=env, capture_output=True)
    subprocess.run(["git", "diff", "HEAD~0"], cwd=tmp_path / "naive", check=False, env=env, capture_output=True)
    assert {"ran-smudge", "ran-reference-transaction", "ran-fsmonitor"} <= set(_ran(traps))


def test_files_are_the_bytes_of_the_blobs(
    hybrid: Hybrid, workspace: Path, tool: Upstream, traps: dict[str, str]
) -> None:
    hybrid("init")
    hybrid("add", tool.url)
    # Of this one git itself fetches.
    hybrid("add", tool.url, "--name", "thin", "--history", "shallow")
    hybrid("sync", env=traps)
    assert (workspace / "sources/tool/a.txt").read_bytes() == b"$Id$\none\n"
    assert (workspace / "sources/tool/big.bin").read_text() == POINTER
    hybrid("check", "sources", "--content")
    # A new clone is written by processes of ours; what changes in one is checked out by git.
    tool.commit({"a.txt": "$Id$\ntwo\n"}, "another")
    hybrid("pin", "--all", env=traps)
    hybrid("sync", env=traps)
    assert (workspace / "sources/tool/a.txt").read_bytes() == b"$Id$\ntwo\n"
    hybrid("check", "sources", "--content")
    assert _ran(traps) == []


CYCLE = (
    ("add", "{url}"),
    ("sync",),
    ("status",),
    ("check", "sources", "--content"),
    ("pin", "tool"),
    ("sync",),
    ("diff", "--patch"),
    ("diff", "--upstream", "--patch"),
    ("reset", "tool"),
    ("outdated",),
)


def test_only_git_runs_and_writes_stay_inside(
    hybrid: Hybrid, workspace: Path, tool: Upstream, traps: dict[str, str], tmp_path: Path
) -> None:
    hybrid("init")
    programs: set[tuple[str, ...]] = set()
    for number, words in enumerate(CYCLE):
        if words == ("pin", "tool"):
            tool.commit({"a.txt": "two\n"})
        if words == ("reset", "tool"):
            (workspace / "sources/tool/a.txt").write_text("mine\n")
        arguments = [word.format(url=tool.url) for word in words]
        done = trace(*arguments, cwd=workspace, log=tmp_path / f"log{number}", env=traps)
        assert done.code in (0, 1), (words, done.out, done.err)
        programs |= set(done.programs)
        outside = [path for path in done.written if not _is_ours(path, workspace)]
        assert outside == [], words
    assert _ran(traps) == []
    strangers = [words for words in programs if not _is_known(words, tool.path)]
    assert strangers == []
    assert head(workspace) == lock(workspace)["tool"]["commit"]
    clone = workspace / "sources/tool"
    for line in git("ls-tree", "-r", "HEAD", cwd=clone).splitlines():
        meta, _, path = line.partition("\t")
        assert git("hash-object", "--no-filters", "--", path, cwd=clone) == meta.split()[2]


def _is_known(words: tuple[str, ...], upstream: Path) -> bool:
    program, name = Path(words[0]), Path(words[0]).name
    if name in ("git", "setpriv", "git-hybrid", Path(sys.executable).name):
        return True
    if name == "sh":
        # git starts the other end of a file:// URL by a shell: its own program and a quoted path, nothing else.
        return words[-1].startswith("git-upload-pack '") and words[-1].count("'") == 2
    if name == "true":
        return words[-1].endswith("/objects") or words[-1].endswith(".git")  # in the place of alternateRefsCommand
    return program.parent.name == "git-core"


def _is_ours(path: str, workspace: Path) -> bool:
    allowed = (workspace / "sources", workspace / "state", workspace / "sources.toml", workspace / "sources.toml.tmp")
    resolved = Path(os.path.normpath(path))
    if any(resolved == place or place in resolved.parents for place in allowed):
        return True
    # Devices, and Python's own caches of its modules; private files in the folder for temporary ones.
    return path.startswith(("/dev/", "/proc/")) or "__pycache__" in path or _is_temporary(path)


def _is_temporary(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    places = ("/tmp", os.environ.get("TMPDIR", "/tmp"))
    # A file without a name is made by opening the folder itself.
    return path in places or folder in places or name.startswith("git-hybrid-")


REPOSITORY = {
    "GIT_DIR": "{outer}/.git",
    "GIT_INDEX_FILE": "{outer}/.git/index",
    "GIT_WORK_TREE": "{outer}",
    "GIT_OBJECT_DIRECTORY": "{outer}/.git/objects",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES": "{outer}/.git/objects",
    "GIT_NAMESPACE": "evil",
    "GIT_PREFIX": "sub/",
    "GIT_CEILING_DIRECTORIES": "/",
    "GIT_CONFIG": "{outer}/.git/config",
    "GIT_COMMON_DIR": "{outer}/.git",
    "GIT_SHALLOW_FILE": "{outer}/shallow",
    "GIT_GRAFT_FILE": "{outer}/grafts",
    "GIT_REPLACE_REF_BASE": "refs/heads/",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_ATTR_SOURCE": "HEAD",
    "GIT_DEFAULT_HASH": "sha256",
    "GIT_QUARANTINE_PATH": "{outer}/.git/objects",
    "GIT_TRACE": "{outer}/trace",
    "GIT_TRACE2_EVENT": "{outer}/trace2",
    "GIT_CONFIG_PARAMETERS": "'core.worktree'='{outer}' 'core.hooksPath'='{outer}' 'core.bare'='true'",
    "GIT_DEFAULT_REF_FORMAT": "reftable",
}


@pytest.fixture
def outer(workspace: Path) -> Path:
    """The workspace as the working tree of a repository of its own, with a commit."""
    git("init", "-q", "-b", "main", cwd=workspace)
    (workspace / "file").write_text("outer\n")
    git("add", "file", cwd=workspace)
    git("commit", "-qm", "outer", cwd=workspace)
    return workspace


def test_variables_of_a_git_hook_do_not_lead_elsewhere(
    hybrid: Hybrid, outer: Path, tool: Upstream, tmp_path: Path
) -> None:
    env = {key: value.format(outer=outer) for key, value in REPOSITORY.items()}
    before = snapshot(outer / ".git")
    hybrid("init", env=env)
    hybrid("add", tool.url, env=env)
    for words in (
        ["sync"],
        ["status"],
        ["check", "sources", "--content"],
        ["reset", "tool"],
        ["diff"],
        ["pin", "tool"],
    ):
        hybrid(*words, env=env)
    assert head(outer) == tool.rev("main")
    assert changes(before, snapshot(outer / ".git")) == []
    assert not (outer / "trace").exists()
    assert not (outer / "trace2").exists()
    naive = subprocess.run(
        ["git", "-C", outer / "sources/tool", "rev-parse", "HEAD"],
        env=git_env() | {"GIT_DIR": str(outer / ".git")},
        capture_output=True,
        check=True,
    )
    assert naive.stdout.decode().strip() != tool.rev("main"), "the control: GIT_DIR leads another git astray"


def test_nothing_of_the_outer_repository_runs(
    hybrid: Hybrid, outer: Path, tool: Upstream, tmp_path: Path, traps: dict[str, str]
) -> None:
    # The folder of another log is looked at for one of this workspace, which may have been moved.
    log = outer / "old" / LOG
    log.parent.mkdir(parents=True)
    log.write_text("{}\n")
    git("add", "-A", cwd=outer)
    git("commit", "-qm", "old", cwd=outer)
    hybrid("init")
    hybrid("add", tool.url)
    hybrid("sync")
    with open(outer / ".gitattributes", "a", encoding="ascii") as attributes:
        attributes.write("* diff=evil\n")
    git("add", "-A", cwd=outer)
    git("commit", "-qm", "workspace", cwd=outer)
    for words in (["check"], ["diag"], ["dashboard", "-o", str(tmp_path / "page")], ["merge"], ["pin", "tool"]):
        hybrid(*words, env=traps)
        assert _ran(traps) == [], words
    run_hybrid(program="git-hybrid-hook-check", cwd=outer, env=traps)
    assert _ran(traps) == []
    subprocess.run(["git", "status"], cwd=outer, env=git_env() | traps, capture_output=True, check=False)
    assert "ran-fsmonitor" in _ran(traps), "the control"


@pytest.mark.parametrize("hook", ["pre-commit", "post-checkout", "rebase"])
def test_called_by_git_in_another_repository(hybrid: Hybrid, outer: Path, tool: Upstream, hook: str) -> None:
    hybrid("init")
    hybrid("add", tool.url)
    if hook == "rebase":
        hybrid("sync")  # git goes on with a rebase only if a command left every tracked file as it was.
    (outer / ".gitignore").write_text("sources/\n")
    git("add", "-A", cwd=outer)
    git("commit", "-qm", "workspace", cwd=outer)
    command = f"{executable()} -C {outer} sync && {executable()} -C {outer} check sources"
    env = {**os.environ, **git_env_path()}
    if hook == "rebase":
        words = ["rebase", "-q", "--exec", command, "HEAD~1"]
    else:
        path = outer / ".git/hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\nset -e\n{command}\n")
        path.chmod(0o755)
        (outer / "file").write_text("changed\n")
        words = ["commit", "-qam", "change"] if hook == "pre-commit" else ["checkout", "-q", "-b", "other"]
    done = subprocess.run(["git", *words], cwd=outer, env=env, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    assert head(outer) == tool.rev("main")
    assert git("fsck", "--strict", cwd=outer, check=False) == ""
    tracked = git("ls-files", cwd=outer).splitlines()
    assert not any(path.startswith("sources/tool") for path in tracked)
    assert {"file", "sources.toml"} <= set(tracked)


PLACES = {
    "sources": ("sources", True),
    "state": ("state", True),
    "lock": ("state/sources.lock", False),
    "writer-lock": ("sources/.lock", False),
    "clone": ("sources/tool", True),
    "state-file": ("state/sources.json", False),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_link_in_the_place_of_ours_is_not_followed(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, place: str
) -> None:
    hybrid("init")
    hybrid("add", tool.url)
    hybrid("sync")
    name, is_folder = PLACES[place]
    outside = tmp_path / "outside"
    shutil.move(workspace / name, outside)
    (workspace / name).symlink_to(outside, target_is_directory=is_folder)
    tool.commit({"a.txt": "three\n"})
    before = snapshot(outside) if is_folder else {"": outside.read_bytes()}
    results = [hybrid(*words, check=None) for words in (["pin", "tool"], ["sync"], ["reset", "tool"])]
    assert all(isinstance(result, Result) and result.code != 70 for result in results)
    assert results[1].code != 0
    after = snapshot(outside) if is_folder else {"": outside.read_bytes()}
    assert changes(before, after) == []
    assert (workspace / name).is_symlink()


@pytest.mark.parametrize(("folder", "code"), [("hybrid", 0), ("info", 2)])
def test_a_link_in_the_git_folder_of_a_clone_is_written_through_by_nobody(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, folder: str, code: int
) -> None:
    hybrid("init")
    hybrid("add", tool.url)
    hybrid("sync")
    outside, link = tmp_path / "outside", workspace / "sources/tool/.git" / folder
    outside.mkdir()
    for name in ("base", "tree", "sums", "tick", "attributes", "attributes.tmp"):
        (outside / name).write_text("precious")
    shutil.rmtree(link)
    link.symlink_to(outside)
    before = snapshot(outside)
    hybrid("status")
    assert f".git/{folder} is a symbolic link" in hybrid("check", "sources", check=1).out
    tool.commit({"a.txt": "three\n"})
    hybrid("pin", "tool")
    assert [hybrid(*words, check=None).code for words in (["sync"], ["reset", "tool"])] == [code, code]
    assert changes(before, snapshot(outside)) == []


def test_a_file_of_a_clone_that_is_a_link_is_not_read_through(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path
) -> None:
    hybrid("init")
    hybrid("add", tool.url)
    hybrid("sync")
    secret = tmp_path / "secret"
    secret.write_text("canary-in-a-file")
    target = workspace / "sources/tool/a.txt"
    target.unlink()
    target.symlink_to(secret)
    (workspace / "sources/tool/hooks").rename(workspace / "sources/tool/real")
    (workspace / "sources/tool/hooks").symlink_to(tmp_path, target_is_directory=True)
    for words in (["status"], ["check", "sources", "--content"], ["reset", "tool"]):
        told = hybrid(*words, check=None)
        assert "canary-in-a-file" not in told.out + told.err
    assert secret.read_text() == "canary-in-a-file"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name == "post-checkout") == []
    assert (workspace / "sources/tool/hooks/post-checkout").is_file()


def test_settings_inside_a_source_are_not_ours(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    hybrid("add", tool.url)
    hybrid("sync")
    inside = workspace / "sources/tool"
    assert hybrid("status", cwd=inside, check=None).code == 0
    (inside / "deep").mkdir()
    assert "tool" in hybrid("status", cwd=inside / "deep").out


def test_a_repository_of_another_user_is_refused_with_words(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    if os.geteuid() != 0:
        return  # Only root can give files away.
    for path in [tool.path, *tool.path.rglob("*")]:
        os.chown(path, 65534, 65534)
    if subprocess.run(["git", "ls-remote", tool.url], check=False, capture_output=True, env=git_env()).returncode == 0:
        pytest.skip("this git serves what belongs to another user, as before 2.39.4 and since 2.48")
    hybrid("init")
    refused = hybrid("add", tool.url, check=None)
    assert refused.code in (3, 4, 5, 6, 74)
    assert "owner" in refused.err or "safe.directory" in refused.err


def test_as_another_user_nothing_is_changed(workspace: Path, hybrid: Hybrid, tool: Upstream, tmp_path: Path) -> None:
    hybrid("init")
    hybrid("add", tool.url)
    hybrid("sync")
    before = snapshot(workspace)
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(executable()), "-C", workspace, "sync"],
        capture_output=True,
        check=False,
        env={**os.environ, "HOME": str(tmp_path)},
        text=True,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert changes(before, snapshot(workspace)) == []


def test_a_program_of_upstream_is_not_found(
    hybrid: Hybrid, workspace: Path, tmp_path: Path, upstream_factory: UpstreamFactory
) -> None:
    """An empty or relative entry of PATH names the folder that a child begins in, or we do: a clone, or upstream's own."""
    upstream = upstream_factory()
    program = Exec(f'#!/bin/sh\ntouch {tmp_path}/ran\nexec {shutil.which("git")} "$@"\n'.encode())
    upstream.commit({"git": program, "bin/git": program})
    (upstream.path / "git").write_bytes(program.data)
    (upstream.path / "git").chmod(0o755)
    env = {"PATH": f":bin:.:{os.environ['PATH']}:"}
    hybrid("init")
    hybrid("add", upstream.url, "--name", "tool", env=env)
    hybrid("sync", env=env)
    for number in range(2):
        upstream.commit({"a": f"{number}\n"})
        hybrid("pin", "tool", env=env)
        hybrid("sync", env=env)
    # As a process of its own, which asks git before it has loaded the rest.
    subprocess.run([executable(), "status"], cwd=workspace / "sources/tool", env={**os.environ, **env}, check=True)
    assert head(workspace) == upstream.rev("main")
    assert not (tmp_path / "ran").exists()
