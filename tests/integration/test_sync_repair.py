"""Half clones, odd refs and odd upstreams: `sync` repairs or reports, and loses nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from git_hybrid.git.quarantine import ATTRIBUTES
from support.beginning import Begun
from support.cli import Hybrid
from support.kit import git, head, lock, outcomes, released, replace
from support.upstream import Gitlink, Upstream, UpstreamFactory


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


def _objects(clone: Path) -> None:
    shutil.rmtree(clone / ".git/objects")
    (clone / ".git/objects").mkdir()


def _lacking(name: str) -> Callable[[Path], None]:
    """Return what takes one object away from a clone."""

    def remove(clone: Path) -> None:
        packs = clone / ".git/objects/pack"
        aside = packs.rename(clone.with_name("packs"))
        packs.mkdir()
        for pack in aside.glob("*.pack"):
            with pack.open("rb") as stream:
                subprocess.run(["git", "unpack-objects", "-q"], cwd=clone, stdin=stream, check=True)
        shutil.rmtree(aside)
        oid = git("rev-parse", name, cwd=clone)
        (clone / ".git/objects" / oid[:2] / oid[2:]).unlink()

    return remove


def _pipe(clone: Path, name: str) -> None:
    path = next((clone / ".git").glob(name), clone / ".git" / name)
    path.unlink(missing_ok=True)
    os.mkfifo(path)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "no blob": _lacking("HEAD:b"),
    "no tree": _lacking("HEAD^{tree}"),
    "no subtree": _lacking("HEAD:dir"),
    "no parent": _lacking("HEAD~1"),
    "empty .git": lambda clone: (shutil.rmtree(clone), (clone / ".git").mkdir(parents=True)),
    "only .git": lambda clone: [
        shutil.rmtree(path) if path.is_dir() else path.unlink() for path in clone.iterdir() if path.name != ".git"
    ],
    "no HEAD": lambda clone: (clone / ".git/HEAD").unlink(),
    "empty HEAD": lambda clone: (clone / ".git/HEAD").write_bytes(b""),
    "no objects": _objects,
    "no index": lambda clone: (clone / ".git/index").unlink(),
    "torn index": lambda clone: (clone / ".git/index").write_bytes(b"DIRC\0\0"),
    "empty config": lambda clone: (clone / ".git/config").write_bytes(b""),
    "zeroed config": lambda clone: (clone / ".git/config").write_bytes(b"\0" * 200),
    "folder for config": lambda clone: ((clone / ".git/config").unlink(), (clone / ".git/config").mkdir()),
    "link for config": lambda clone: ((clone / ".git/config").unlink(), (clone / ".git/config").symlink_to("nowhere")),
    "line in packed refs": lambda clone: (clone / ".git/packed-refs").write_text("junk\n"),
    "junk in shallow": lambda clone: (clone / ".git/shallow").write_bytes(b"\xff"),
    **{
        f"pipe for {name}": partial(_pipe, name=name)
        for name in (
            "HEAD",
            "index",
            "info/attributes",
            "info/exclude",
            "objects/info/alternates",
            "objects/pack/*.idx",
            "hybrid/base",
        )
    },
    "zeroed attributes": lambda clone: (clone / ".git/info/attributes").write_bytes(b"\0" * 55),
    "folder for attributes": lambda clone: (
        (clone / ".git/info/attributes").unlink(),
        (clone / ".git/info/attributes").mkdir(),
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_clone(hybrid: Hybrid, workspace: Path, tool: Upstream, kind: str, begun: Begun) -> None:
    begun(tool.url, sync=False)
    hybrid("sync")
    clone = workspace / "sources/tool"
    (clone / "build.log").write_text("ignored")
    DAMAGE[kind](clone)
    if kind == "pipe for HEAD":
        assert "is a broken clone" in hybrid("check", "sources", check=1).out
    first = hybrid("sync", check=None)
    if kind == "only .git":
        # The files were deleted, by a crash or by the user: that is local work.
        assert first.code == 3, first.err
        hybrid("reset", "tool")
    else:
        assert first.code == 0, first.err
    assert head(workspace) == tool.rev("main")
    assert git("status", "--porcelain", cwd=clone) == ""
    assert git("fsck", "--no-dangling", cwd=clone) == ""
    assert git("config", "remote.origin.url", cwd=clone) == tool.url
    assert (clone / ".git/info/attributes").read_text() == ATTRIBUTES
    assert hybrid("sync").out == ""


def test_what_check_hints_at_where_attributes_and_settings_are_lost_mends_it(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, sync=False)
    hybrid("sync")
    for name in ("config", "info/attributes"):
        (workspace / "sources/tool/.git" / name).unlink()
    told = hybrid("check", "sources", check=1).out
    assert told.count(" is missing") == told.count("mend: git hybrid reset tool\n") == 2
    assert outcomes(hybrid("reset", "tool", "--json")) == {"tool": "recorded"}
    assert hybrid("check", "sources").code == 0
    # What stands there is as recorded before.
    assert '"record"' not in (workspace / "state/sources-audit.jsonl").read_text()


def test_a_clone_that_expects_from_others_what_it_lacks_is_partial(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, sync=False)
    hybrid("sync")
    clone = workspace / "sources/tool"
    _lacking("HEAD:b")(clone)
    for setting in ("core.repositoryformatversion=1", "extensions.partialClone=origin", "remote.origin.promisor=true"):
        git("config", *setting.split("="), cwd=clone)
    hybrid("bundle", "create", "-o", workspace / "bundle")
    assert outcomes(hybrid("sync", "--json")) == {"tool": "updated"}
    assert git("fsck", "--no-dangling", cwd=clone) == ""
    assert "partialclone" not in git("config", "--list", cwd=clone)
    assert hybrid("sync").out == ""


@pytest.mark.parametrize("name", ["HEAD~2", "HEAD~2^{tree}", "HEAD~2:README"])
def test_a_clone_of_another_tool_that_lacks_history(
    hybrid: Hybrid, workspace: Path, tool: Upstream, name: str, begun: Begun
) -> None:
    begun(tool.url, sync=False)
    clone = workspace / "sources/tool"
    git("clone", "-q", "--no-local", tool.url, clone, cwd=workspace)
    _lacking(name)(clone)
    assert "repaired" in hybrid("sync").out
    assert git("fsck", "--no-dangling", cwd=clone) == ""
    assert list((workspace / "sources/.set-aside").iterdir())
    events = [json.loads(line)["event"] for line in (workspace / "state/sources-audit.jsonl").read_text().splitlines()]
    assert "repair" in events
    assert hybrid("sync").out == ""


def test_a_pin_whose_objects_are_not_all_there_is_fetched(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, sync=False)
    hybrid("sync")
    tool.commit({"b": "newer\n"})
    hybrid("pin", "tool")
    clone = workspace / "sources/tool"
    _lacking(f"{tool.rev('main')}:b")(clone)
    hybrid("sync")
    assert head(workspace) == tool.rev("main")
    assert git("fsck", "--no-dangling", cwd=clone) == ""


def test_bytes_that_are_not_utf8_are_git_s_own(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    hybrid("sync")
    clone = workspace / "sources/tool"
    with (clone / ".git/config").open("ab") as file:
        file.write(b'[user]\n\tname = Jos\xe9\n[branch "caf\xe9"]\n\tremote = origin\n')
    assert hybrid("status", "--exit-code").code == 0
    (clone / "README").write_text("mine")
    assert "dirty" in hybrid("status").out
    hybrid("reset", "tool")
    assert hybrid("sync").code == 0
    (clone / ".git/HEAD").write_bytes(b"ref: refs/heads/caf\xe9\n")
    assert "a first commit of a branch is in progress in sources/tool" in hybrid("sync", check=3).err
    with (clone / ".git/index.lock").open("w"):
        assert "another git process works in sources/tool" in hybrid("reset", "tool", check=3).err
    (clone / ".git/refs/heads" / os.fsdecode(b"caf\xe9")).touch()
    assert "its HEAD names no commit" in hybrid("status").out
    assert outcomes(hybrid("sync", "--json")) == {"tool": "repaired"}


@pytest.mark.parametrize("name", ["index.lock", "HEAD.lock", "config.lock", "refs/hybrid/pin.lock"])
def test_a_lock_that_a_killed_git_left(
    hybrid: Hybrid, workspace: Path, tool: Upstream, name: str, begun: Begun
) -> None:
    begun(tool.url, sync=False)
    hybrid("sync")
    tool.commit({"b": "newer\n"})
    hybrid("pin", "tool")
    lock_file = workspace / "sources/tool/.git" / name
    lock_file.touch()
    pack = lock_file.parents[len(Path(name).parts) - 1] / "objects/pack/tmp_pack_Xy12Z3"
    pack.touch()
    result = hybrid("sync")
    assert f"removed sources/tool/.git/{name}" in result.err
    assert head(workspace) == tool.rev("main")
    assert not pack.exists()


def test_bytes_that_are_no_text_in_files_of_git_are_damage_and_mended(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    clone = workspace / "sources/tool"
    cases: list[tuple[str, bytes]] = [
        ("MERGE_HEAD", b"\xffx\n"),
        ("MERGE_HEAD", bytes(41)),
        ("CHERRY_PICK_HEAD", b"\xe9"),
    ]
    cases += [("refs/hybrid/upstream/heads/main", data) for data in (b"\xff\xfe", b"", bytes(41))]
    cases += [
        ("refs/hybrid/pin", b"\xff"),
        ("shallow", b"\xff"),
        ("HEAD", b"ref: refs/heads/\xff\n"),
        ("HEAD", b"\xff"),
    ]
    for number, (name, data) in enumerate(cases):
        tool.commit({"a": f"{number}\n"})
        hybrid("pin", "tool")
        (clone / ".git" / name).write_bytes(data)
        hybrid("status")
        hybrid("reset", "tool")
        assert (clone / "a").read_text() == f"{number}\n", name
        hybrid("check", "sources")
    with (clone / ".git/config").open("ab") as file:
        file.write(b'[user]\n\tname = Andr\xe9\n[remote "\xe9"]\n\tpromisor = false\n')
    # What says that others may be asked for what is missing is taken out.
    for word in ("updated", "unchanged"):
        assert f"1 {word}" in hybrid("sync").err


def test_damaged_clone_with_own_files_keeps_them(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    hybrid("sync")
    clone = workspace / "sources/tool"
    (clone / "mine.txt").write_text("precious")
    (clone / "README").write_text("precious too")
    (clone / ".git/HEAD").unlink()
    hybrid("sync", check=None)
    hybrid("reset", "tool", check=None)
    found = [path for path in workspace.rglob("*") if path.is_file() and path.read_bytes() == b"precious"]
    saved = git("for-each-ref", "--format=%(refname)", "refs/hybrid/saved", cwd=clone, check=False)
    kept = saved and git("show", f"{saved.splitlines()[0]}:mine.txt", cwd=clone, check=False) == "precious"
    assert found or kept


def test_branch_named_like_the_pin(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    good = tool.rev("main")
    evil = tool.commit({"evil": "x"}, branch=good)
    tool.set_head(good)
    hybrid("init")
    hybrid("add", tool.url, "--branch", "main")
    hybrid("sync")
    assert head(workspace) == good != evil
    git("branch", good, "HEAD~1", cwd=workspace / "sources/tool")
    tool.commit({"x": "y"})
    hybrid("pin", "tool")
    hybrid("sync")
    assert head(workspace) == tool.rev("main")


@pytest.mark.parametrize("name", ["FETCH_HEAD", "HEAD", "-f", "refs/heads/main", "a'b$(id)"])
def test_odd_default_branch(hybrid: Hybrid, workspace: Path, tool: Upstream, name: str) -> None:
    tool.git("update-ref", f"refs/heads/{name}", tool.rev("main~1"))
    tool.set_head(name)
    hybrid("init")
    added = hybrid("add", tool.url, check=None)
    if added.code in (2, 5):
        # Refusing a name that could be taken for an option or another ref is fine.
        assert name in ("-f", "FETCH_HEAD", "HEAD"), added.err
        return
    assert added.code == 0, added.err
    hybrid("sync")
    assert head(workspace) == tool.rev("main~1")


def test_refs_replace_is_not_obeyed(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    hybrid("sync")
    clone = workspace / "sources/tool"
    evil = tool.commit({"README": "evil\n"}, branch="evil", parents=["main"])
    git("fetch", "-q", tool.url, "evil", cwd=clone)
    git("update-ref", f"refs/replace/{tool.rev('main')}", evil, cwd=clone)
    shutil.rmtree(clone / "dir")
    hybrid("reset", "tool")
    assert (clone / "README").read_text() == "three\n"
    tool.update_ref(f"refs/replace/{tool.rev('main')}", evil)
    shutil.rmtree(clone)
    hybrid("sync")
    assert (clone / "README").read_text() == "three\n"


def test_submodules_and_lfs_are_reported(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory) -> None:
    upstream = upstream_factory("parts")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'1' * 64}\nsize 5\n"
    upstream.commit(
        {
            ".gitmodules": '[submodule "sub"]\n\tpath = sub\n\turl = https://example.invalid/sub\n',
            "sub": Gitlink("1" * 40),
            ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
            "a.bin": pointer,
        }
    )
    hybrid("init")
    hybrid("add", upstream.url)
    result = hybrid("sync")
    text = (result.out + result.err).lower()
    assert "submodule" in text
    assert "lfs" in text
    assert (workspace / "sources/parts/a.bin").read_text() == pointer
    assert not list((workspace / "sources/parts/sub").iterdir())
    hybrid("sync")
    assert git("status", "--porcelain", cwd=workspace / "sources/parts") == ""


def test_empty_upstream_repository(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory) -> None:
    upstream = upstream_factory("void")
    hybrid("init")
    before = (workspace / "sources.toml").read_bytes()
    refused = hybrid("add", upstream.url, check=None)
    assert refused.code == 5, refused.err
    assert (workspace / "sources.toml").read_bytes() == before


def test_tags_of_trees_and_blobs(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    tool.update_ref("refs/tags/tree", tool.rev("main^{tree}"))
    tool.update_ref("refs/tags/blob", tool.rev("main:README"))
    hybrid("init")
    for name in ("tree", "blob"):
        refused = hybrid("add", tool.url, "--tag", name, check=None)
        assert refused.code == 5, refused.err
    assert not (workspace / "state/sources.lock").exists() or lock(workspace) == {}
    hybrid("add", tool.url, "--branch", "main")
    hybrid("sync")


def test_tag_of_a_tag(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    outer = (
        tool.git(
            "mktag",
            stdin=(
                f"object {tool.rev('v1.0.0')}\ntype tag\ntag outer\ntagger A <a@example.org> 1700000000 +0000\n\nouter\n"
            ).encode(),
        )
        .decode()
        .strip()
    )
    tool.update_ref("refs/tags/outer", outer)
    begun(tool.url, "--tag", "outer", sync=False)
    hybrid("sync")
    assert lock(workspace)["tool"]["tag_object"] == outer
    assert head(workspace) == tool.rev("v1.0.0^{commit}")


def test_many_and_oddly_named_files(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, begun: Begun
) -> None:
    upstream = upstream_factory("wide")
    files = {f"d{number % 17}/file {number}": f"{number}\n" for number in range(300)}
    odd = b"caf\xe9 \xff".decode(errors="surrogateescape")
    upstream.commit({**files, odd: "latin\n", "naïve ☃": "utf8\n", 'q"uote': "q\n", " lead": "l\n"})
    begun(upstream.url, sync=False)
    hybrid("sync")
    clone = workspace / "sources/wide"
    assert (clone / odd).read_text() == "latin\n"
    assert git("status", "--porcelain", cwd=clone) == ""
    hybrid("sync")
    (clone / odd).write_text("mine")
    blocked = hybrid("sync", "--json", check=3)
    assert json.loads(blocked.out)["sources"][0]["exit_code"] == 3
    hybrid("reset", "wide")
    assert (clone / odd).read_text() == "latin\n"


def test_sha256_upstream(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, begun: Begun) -> None:
    upstream = upstream_factory("long", object_format="sha256")
    released(upstream)
    begun(upstream.url, "--tag", "v1.0.0", sync=False)
    hybrid("sync")
    assert head(workspace, "long") == upstream.rev("v1.0.0^{commit}")
    assert len(lock(workspace)["long"]["commit"]) == 64
    hybrid("sync")
    (workspace / "sources/long/README").write_text("mine")
    hybrid("sync", check=3)
    hybrid("reset", "long")
    replace(workspace / "sources.toml", "v1.0.0", "v1.1.0")
    moved = hybrid("pin", "long")
    new = upstream.rev("v1.1.0^{commit}")
    assert not any(new[41:50] in line and new not in line for line in moved.out.splitlines()), moved.out
    hybrid("sync")
    assert head(workspace, "long") == upstream.rev("v1.1.0^{commit}")
    assert hybrid("--json", "status").json()["sources"][0]["state"] == "ok"


@pytest.mark.parametrize("kind", ["no blob", "no tree", "no subtree", "no parent"])
def test_damaged_sha256_clone(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, kind: str, begun: Begun
) -> None:
    upstream = upstream_factory("long", object_format="sha256")
    released(upstream)
    begun(upstream.url, sync=False)
    hybrid("sync")
    clone = workspace / "sources/long"
    DAMAGE[kind](clone)
    assert hybrid("--json", "status").json()["sources"][0]["state"] == "broken"
    assert outcomes(hybrid("sync", "--json")) == {"long": "repaired"}
    assert git("fsck", "--no-dangling", cwd=clone) == ""


@pytest.mark.parametrize("history", ["full", "shallow"])
@pytest.mark.parametrize("by_hand", [False, True], ids=["of the tool", "of git"])
def test_a_clone_that_borrows_gets_objects_of_its_own(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun, history: str, *, by_hand: bool
) -> None:
    """Else it lives only as long as what it borrows from, and was told as updated at every sync."""
    begun(tool.url, "--history", history)
    clone, lender = workspace / "sources/tool", tmp_path / "lender"
    git("clone", "-q", "--bare", tool.url, lender, cwd=tmp_path)
    if by_hand:
        shutil.rmtree(clone)
        git("clone", "-q", "--reference", lender, tool.url, clone, cwd=tmp_path)
        git("branch", "mine", "main~1", cwd=clone)
    else:
        (clone / ".git/objects/info/alternates").write_text(f"{lender}/objects\n")
    assert "it borrows objects from another repository: sync makes them its own" in hybrid("status").out
    done = hybrid("sync", "--offline")
    assert "    its objects are its own now; some of them were borrowed from another repository\n" in done.out
    assert hybrid("sync").out == ""
    hybrid("status", "--exit-code")
    hybrid("check", "sources")
    shutil.rmtree(lender)
    assert git("fsck", "--full", "--no-dangling", cwd=clone) == ""
    assert not by_hand or git("rev-parse", "mine", cwd=clone) == tool.rev("main~1")


def test_what_is_borrowed_and_gone_is_made_anew(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    begun(tool.url)
    clone, lender = workspace / "sources/tool", tmp_path / "lender"
    git("clone", "-q", "--bare", tool.url, lender, cwd=tmp_path)
    shutil.rmtree(clone)
    git("clone", "-q", "--reference", lender, tool.url, clone, cwd=tmp_path)
    shutil.rmtree(lender)
    assert "is kept at" in hybrid("sync").out
    hybrid("status", "--exit-code")


@pytest.mark.parametrize("text", [ATTRIBUTES, "* filter=x\n"], ids=["as ours", "others"])
def test_a_link_in_place_of_the_attributes_is_replaced(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun, text: str
) -> None:
    begun(tool.url)
    # Not a copy of a clone that another test made: files of a copy are looked at anew, whatever else there is.
    shutil.rmtree(workspace / "sources/tool")
    hybrid("sync")
    attributes, other = workspace / "sources/tool/.git/info/attributes", tmp_path / "attributes"
    other.write_text(text)
    attributes.unlink()
    attributes.symlink_to(other)
    assert (
        "info/attributes is a symbolic link, and git reads what it leads to" in hybrid("check", "sources", check=1).out
    )
    hybrid("sync")
    assert (attributes.is_symlink(), attributes.read_text(), other.read_text()) == (False, ATTRIBUTES, text)
    assert hybrid("sync").out == ""
    hybrid("check", "sources")
