"""T4 to T10: a pin means that tree, whatever refs, replacements and servers say."""

from __future__ import annotations

import json
import subprocess
from functools import partial
from pathlib import Path

import pytest

from hostile.conftest import Prove
from support.cli import Hybrid, run_hybrid
from support.gitenv import git_env
from support.governed import shifted
from support.kit import git, head, lock, replace
from support.upstream import Upstream, UpstreamFactory

OVERRIDE = ["--request", "CHG-1", "--approver", "a@example.org", "--reason", "why", "--expires", "14d"]


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"f": "one\n"})
    upstream.tag("v1.0.0")
    upstream.commit({"f": "good\n"})
    return upstream


@pytest.fixture
def pinned(hybrid: Hybrid, workspace: Path, tool: Upstream) -> str:
    """A workspace with a pin at the tip of main and no clone; return the commit."""
    hybrid("init")
    (workspace / "sources.toml").write_text("schema_version = 1\n[defaults]\nretry = {attempts = 1}\n")
    hybrid("add", tool.url, "--branch", "main")
    return str(lock(workspace)["tool"]["commit"])


def _code(hybrid: Hybrid, *words: str, check: int, env: dict[str, str] | None = None) -> str:
    """Run the command, which must fail, and return the code of the first finding; the words must explain it."""
    result = hybrid(*words, "--json", check=check, env=env)
    document = result.json()
    rows = [row["error"] for row in document["sources"] if row.get("error")] or [document.get("error")]
    error = rows[0]
    assert error["message"]
    assert error["hints"] or error["cause"] or error["code"] == "bad-argument"
    return str(error["code"])


def _naive(url: str, path: Path, *checkout: str) -> str:
    """Clone and check out as most people do; return what is in the file then."""
    subprocess.run(["git", "clone", "-q", url, path], check=True, env=git_env(), capture_output=True)
    done = subprocess.run(
        ["git", "checkout", "-q", *checkout], cwd=path, check=False, env=git_env(), capture_output=True
    )
    return (path / "f").read_text() if done.returncode == 0 else done.stderr.decode()


def _evil(tool: Upstream, branch: str) -> str:
    return tool.commit({"f": "evil\n"}, branch=branch, parents=["main"])


@pytest.mark.parametrize("default", [True, False])
def test_a_branch_named_like_the_pin(
    hybrid: Hybrid, workspace: Path, tool: Upstream, pinned: str, tmp_path: Path, prove: Prove, default: bool
) -> None:
    tool.update_ref(f"refs/heads/{pinned}", _evil(tool, "tmp"))
    if default:
        tool.set_head(pinned)
        assert _naive(tool.url, tmp_path / "naive", "--detach", pinned) == "evil\n", "the control"
    hybrid("sync")
    assert (workspace / "sources/tool/f").read_text() == "good\n"
    assert head(workspace) == pinned
    hybrid("pin", "tool")
    assert lock(workspace)["tool"]["commit"] == pinned
    assert prove() == ()


def test_a_local_branch_named_like_the_next_pin(
    hybrid: Hybrid, workspace: Path, tool: Upstream, pinned: str, prove: Prove
) -> None:
    hybrid("sync")
    third = tool.commit({"f": "third\n"})
    git("update-ref", f"refs/heads/{third}", pinned, cwd=workspace / "sources/tool")
    hybrid("pin", "tool")
    hybrid("sync")
    assert head(workspace) == third
    assert prove() == ()


@pytest.mark.parametrize("name", ["FETCH_HEAD", "ORIG_HEAD", "refs/hybrid/pin", "hybrid", "refs/heads/main"])
def test_branches_with_names_that_git_gives_a_meaning(
    hybrid: Hybrid, workspace: Path, tool: Upstream, pinned: str, name: str, prove: Prove
) -> None:
    tool.update_ref(f"refs/heads/{name}", _evil(tool, "tmp"))
    tool.set_head(name)
    hybrid("sync")
    assert (workspace / "sources/tool/f").read_text() == "good\n"
    assert prove() == ()


def test_a_naive_checkout_of_fetch_head_takes_the_wrong_commit(tool: Upstream, tmp_path: Path) -> None:
    good = tool.rev("main")
    tool.update_ref("refs/heads/FETCH_HEAD", _evil(tool, "tmp"))
    tool.set_head("FETCH_HEAD")
    path = tmp_path / "naive"
    subprocess.run(["git", "clone", "-q", tool.url, path], check=True, env=git_env())
    subprocess.run(["git", "fetch", "-q", "origin", good], cwd=path, check=True, env=git_env())
    subprocess.run(["git", "checkout", "-q", "FETCH_HEAD"], cwd=path, check=True, env=git_env(), capture_output=True)
    assert (path / "f").read_text() == "evil\n"


def test_a_tag_and_a_branch_of_one_name(hybrid: Hybrid, workspace: Path, tool: Upstream, pinned: str) -> None:
    good = tool.rev("v1.0.0^{commit}")
    tool.update_ref("refs/heads/v1.0.0", _evil(tool, "tmp"))
    hybrid("add", tool.url, "--tag", "v1.0.0", "--name", "tagged")
    hybrid("sync", "tagged")
    assert head(workspace, "tagged") == good
    before = (workspace / "state/sources.lock").read_bytes()
    assert _code(hybrid, "pin", "tool", "--to", "v1.0.0", check=2) == "bad-argument"
    assert (workspace / "state/sources.lock").read_bytes() == before


def test_a_short_id_never_names_a_branch(hybrid: Hybrid, workspace: Path, tool: Upstream, pinned: str) -> None:
    third = tool.commit({"f": "third\n"})
    tool.update_ref(f"refs/heads/{third[:10]}", _evil(tool, "tmp"))
    result = hybrid("pin", "tool", "--to", third[:10], check=None)
    assert lock(workspace)["tool"]["commit"] in (pinned, third)
    assert result.code in (0, 2, 6)


@pytest.mark.parametrize("how", ["replace", "graft"])
def test_replaced_objects_of_a_mirror_are_not_obeyed(
    hybrid: Hybrid, workspace: Path, tool: Upstream, pinned: str, tmp_path: Path, prove: Prove, how: str
) -> None:
    evil = _evil(tool, "tmp")
    if how == "replace":
        tool.update_ref(f"refs/replace/{pinned}", evil)
        mirror = tmp_path / "mirror.git"
        subprocess.run(["git", "clone", "-q", "--mirror", tool.url, mirror], check=True, env=git_env())
        shown = subprocess.run(
            ["git", "show", f"{pinned}:f"], cwd=mirror, capture_output=True, check=True, env=git_env()
        )
        assert shown.stdout == b"evil\n", "the control"
    else:
        (tool.path / "info").mkdir(exist_ok=True)
        (tool.path / "info/grafts").write_text(f"{pinned} {evil}\n")
    if hybrid("sync", check=None).code == 0:
        assert (workspace / "sources/tool/f").read_text() == "good\n"
        assert prove() == ()
    else:
        assert how == "graft", "a server that cuts its own history has nothing whole to send"
        assert not (workspace / "sources/tool").exists()


def test_a_replacement_inside_a_clone_changes_nothing_we_read(
    hybrid: Hybrid, workspace: Path, tool: Upstream, pinned: str
) -> None:
    hybrid("sync")
    clone = workspace / "sources/tool"
    old = tool.rev("v1.0.0^{commit}")
    git("replace", "-f", pinned, old, cwd=clone)
    assert git("show", f"{pinned}:f", cwd=clone) == "one", "the control"
    (clone / "f").unlink()
    hybrid("reset", "tool")
    assert (clone / "f").read_text() == "good\n"


@pytest.mark.parametrize("where", ["refs/pull/1/head", ""])
def test_imposter_commits(
    hybrid: Hybrid, workspace: Path, tool: Upstream, pinned: str, where: str, tmp_path: Path
) -> None:
    """A commit that the server gives out and that no branch or tag of it has."""
    imposter = _evil(tool, "tmp")
    tool.delete_ref("refs/heads/tmp")
    if where:
        tool.update_ref(where, imposter)
    path = tmp_path / "naive"
    subprocess.run(["git", "init", "-q", path], check=True, env=git_env())
    subprocess.run(["git", "fetch", "-q", tool.url, imposter], cwd=path, check=True, env=git_env())
    before = (workspace / "state/sources.lock").read_bytes()
    assert _code(hybrid, "add", tool.url, "--name", "other", "--commit", imposter, check=5) == "unreachable"
    hybrid("pin", "tool", "--to", imposter, check=None)
    assert (workspace / "state/sources.lock").read_bytes() == before
    # Somebody writes it into the lock: the tree and the reachability are proved again before anything is installed.
    replace(workspace / "state/sources.lock", pinned, imposter)
    assert _code(hybrid, "sync", check=5) == "unreachable"
    assert not (workspace / "sources/tool").exists()


def test_an_imposter_that_the_clone_already_has(hybrid: Hybrid, workspace: Path, tool: Upstream, pinned: str) -> None:
    """Tree, content and objects are all there and right: only the ancestry is not."""
    imposter = _evil(tool, "tmp")
    hybrid("add", tool.url, "--branch", "tmp", "--name", "other")
    entries = lock(workspace)
    hybrid("remove", "other")
    hybrid("sync")
    clone = workspace / "sources/tool"
    git("fetch", "-q", "origin", "tmp", cwd=clone)
    tool.delete_ref("refs/heads/tmp")
    for key in ("commit", "tree", "content_sha256"):
        replace(workspace / "state/sources.lock", entries["tool"][key], entries["other"][key])
    assert _code(hybrid, "sync", check=5) == "unreachable"
    assert head(workspace) == pinned
    assert lock(workspace)["tool"]["commit"] == imposter


def test_moved_tag(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    hybrid("add", tool.url, "--tag", "v1.0.0")
    before = (workspace / "state/sources.lock").read_bytes()
    tool.tag("v1.0.0", "main", force=True)
    for words in (["pin", "tool"], ["sync"]):
        assert _code(hybrid, *words, check=5) == "moved-tag"
    assert (workspace / "state/sources.lock").read_bytes() == before


def test_force_push(hybrid: Hybrid, workspace: Path, tool: Upstream, pinned: str) -> None:
    before = (workspace / "state/sources.lock").read_bytes()
    tool.reset("main", tool.commit({"f": "evil\n"}, branch="main", parents=["v1.0.0"]))
    assert _code(hybrid, "pin", "tool", check=5) == "rewritten-history"
    assert _code(hybrid, "sync", check=5) == "unreachable"
    assert (workspace / "state/sources.lock").read_bytes() == before


def test_rollback(hybrid: Hybrid, workspace: Path, tool: Upstream, pinned: str) -> None:
    before = (workspace / "state/sources.lock").read_bytes()
    assert _code(hybrid, "pin", "tool", "--to", tool.rev("v1.0.0^{commit}"), check=6) == "rollback"
    tool.reset("main", "v1.0.0")
    assert _code(hybrid, "pin", "tool", check=6) == "rollback"
    assert (workspace / "state/sources.lock").read_bytes() == before


@pytest.mark.parametrize("history", ["full", "shallow", "treeless"])
def test_a_repository_that_was_made_anew(hybrid: Hybrid, workspace: Path, tool: Upstream, history: str) -> None:
    hybrid("init")
    (workspace / "sources.toml").write_text(f'schema_version = 1\n[defaults]\nhistory = "{history}"\n')
    hybrid("add", tool.url, "--branch", "main")
    before = (workspace / "state/sources.lock").read_bytes()
    tool.update_ref("refs/heads/main", tool.raw_commit(tool.rev("main^{tree}"), message="the same files"))
    tool.delete_ref("refs/tags/v1.0.0")
    assert _code(hybrid, "pin", "tool", check=5) == "identity-changed"
    assert _code(hybrid, "sync", check=5) == "identity-changed"
    assert (workspace / "state/sources.lock").read_bytes() == before
    assert not (workspace / "sources/tool").exists()


def _mirror(tool: Upstream, folder: Path) -> Path:
    path = folder / "localhost" / str(tool.path).strip("/")
    path.parent.mkdir(parents=True)
    subprocess.run(["git", "clone", "-q", "--bare", tool.url, path], check=True, env=git_env())
    return path


@pytest.mark.parametrize("fault", ["stale", "other", "lacks-a-blob", "flipped"])
@pytest.mark.parametrize("direct", [True, False])
def test_a_mirror_may_supply_and_never_decide(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, fault: str, direct: bool, prove: Prove
) -> None:
    mirror = _mirror(tool, tmp_path / "mirrors")
    if fault == "stale":
        tool.commit({"f": "newer\n"})
    hybrid("init")
    (workspace / "sources.toml").write_text("schema_version = 1\n[defaults]\nretry = {attempts = 1}\n")
    hybrid("add", tool.url, "--branch", "main")
    wanted = tool.rev("main:f")
    objects = mirror / "objects"
    if fault == "other":
        shown = subprocess.run(
            ["git", "commit-tree", "-m", "x", "HEAD^{tree}"],
            cwd=mirror,
            capture_output=True,
            check=True,
            env=git_env()
            | {"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x", "GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x"},
        )
        subprocess.run(
            ["git", "update-ref", "refs/heads/main", shown.stdout.strip()], cwd=mirror, check=True, env=git_env()
        )
    if fault in ("lacks-a-blob", "flipped"):
        for pack in sorted(objects.glob("pack/*.pack")):
            moved = mirror / pack.name
            pack.rename(moved)
            for index in objects.glob("pack/*"):
                index.unlink()
            with moved.open("rb") as data:
                subprocess.run(["git", "unpack-objects", "-q"], cwd=mirror, stdin=data, check=True, env=git_env())
        loose = objects / wanted[:2] / wanted[2:]
        if fault == "lacks-a-blob":
            loose.unlink()
        else:
            other = tool.rev("v1.0.0^{commit}:f")
            loose.chmod(0o644)
            loose.write_bytes((objects / other[:2] / other[2:]).read_bytes())
    before = (workspace / "state/sources.lock").read_bytes()
    env = {"GIT_HYBRID_MIRRORS": f"file://{tmp_path / 'mirrors'}" + (",direct" if direct else "")}
    done = hybrid("sync", env=env, check=None)
    assert (workspace / "state/sources.lock").read_bytes() == before
    if (workspace / "sources/tool").exists():
        assert done.code == 0
        assert prove() == ()
    else:
        assert done.code in (4, 5)
    # Whoever serves something else is told; whoever only lacks something is passed over.
    assert done.code == 0 or not direct or fault in ("flipped", "other")


@pytest.mark.parametrize("key", ["tree", "content_sha256", "commit"])
def test_a_lock_that_was_tampered_with_installs_nothing(
    hybrid: Hybrid, workspace: Path, tool: Upstream, pinned: str, key: str
) -> None:
    entry = lock(workspace)["tool"]
    other = tool.rev("v1.0.0^{commit}") if key == "commit" else "0" * len(entry[key])
    replace(workspace / "state/sources.lock", f'{key} = "{entry[key]}"', f'{key} = "{other}"')
    before = (workspace / "state/sources.lock").read_bytes()
    assert _code(hybrid, "sync", check=5) == "wrong-content"
    assert not (workspace / "sources/tool").exists()
    assert (workspace / "state/sources.lock").read_bytes() == before


def test_a_clone_with_a_foreign_object_store(
    hybrid: Hybrid, workspace: Path, tool: Upstream, pinned: str, prove: Prove
) -> None:
    """A pin whose commit and tree agree with a lying clone, and not with the lock's content."""
    hybrid("sync")
    clone = workspace / "sources/tool"
    (clone / "f").write_text("evil\n")
    git("add", "f", cwd=clone)
    git("-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "x", cwd=clone)
    evil, tree = git("rev-parse", "HEAD", cwd=clone), git("rev-parse", "HEAD^{tree}", cwd=clone)
    git("update-ref", "refs/hybrid/pin", evil, cwd=clone)
    git("update-ref", "refs/hybrid/upstream/heads/main", evil, cwd=clone)
    entry = lock(workspace)["tool"]
    replace(workspace / "state/sources.lock", entry["commit"], evil)
    replace(workspace / "state/sources.lock", entry["tree"], tree)
    assert any("content_sha256" in item.what for item in prove())
    (workspace / "sources/tool").rename(workspace / "aside")
    assert _code(hybrid, "sync", check=5) == "unreachable"


def test_a_waived_object_is_part_of_the_override(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    upstream = upstream_factory("old")
    first = upstream.commit({"a": "a\n"})
    blob = upstream.blob(b"x\n")
    tree = upstream.raw_tree([("100644", blob, b"a"), ("100644", blob, b"a")])
    bad = upstream.raw_commit(tree, [first])
    good = upstream.raw_commit(upstream.raw_tree([("100644", blob, b"a")]), [bad])
    hybrid("init")
    hybrid("add", upstream.url)
    upstream.update_ref("refs/heads/main", good)
    refused = hybrid("pin", "old", check=5)
    assert f" pin old --to REV --waive {tree} --force " in refused.err
    other = ["pin", "old", "--to", good, "--force", "--waive", "0" * 40, *OVERRIDE]
    assert _code(hybrid, *other, check=5) == "fsck-refused"
    hybrid("pin", "old", "--to", good, "--force", "--waive", tree, *OVERRIDE)
    assert lock(workspace)["old"]["commit"] == good
    record = json.loads((workspace / "state/sources-overrides.json").read_text())["overrides"][0]
    assert record["waived"] == [tree]
    hybrid("sync")
    assert head(workspace, "old") == good
    (workspace / "sources/old").rename(workspace / "aside")
    hybrid("sync")
    assert head(workspace, "old") == good
    upstream.update_ref("refs/heads/main", upstream.raw_commit(upstream.raw_tree([("100644", blob, b"b")]), [good]))
    assert _code(hybrid, "pin", "old", check=5) == "fsck-refused", "a plain pin rests on no waiver, nor on the clone"
    late = partial(run_hybrid, cwd=workspace, env=shifted("+20d"))
    assert "hint: git hybrid pin old\n" not in late("sync", check=6).err, "that would be refused"
    assert "fsck-refused" in late("pin", "old", check=5).out
    assert "fsck-refused" in late("mirror", "update", workspace.parent / "mirror", check=5).out


def test_insteadof_does_not_reach_a_transport_that_runs_commands(
    hybrid: Hybrid, workspace: Path, tmp_path: Path
) -> None:
    config = {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": f"url.ext::touch {tmp_path}/ran %S .insteadOf",
        "GIT_CONFIG_VALUE_0": "https://example.org/",
        "GIT_CONFIG_KEY_1": "protocol.ext.allow",
        "GIT_CONFIG_VALUE_1": "always",
    }
    naive = ["git", "ls-remote", "https://example.org/tool"]
    subprocess.run(naive, cwd=tmp_path, check=False, env=git_env() | config, capture_output=True)
    assert (tmp_path / "ran").exists(), "the control"
    (tmp_path / "ran").unlink()
    hybrid("init")
    done = hybrid("add", "https://example.org/tool", "--branch", "main", env=config, check=2)
    assert not (tmp_path / "ran").exists()
    assert "transport: 'ext': only https, ssh and file are allowed" in done.err
    assert "--get-regexp '^url" in done.err
