"""Submodules and LFS content: reported, fetched only where the manifest says so, and no work in them is lost."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from git_hybrid.core.errors import LocalIo, WrongContent
from git_hybrid.core.ids import SourceName, parse_oid
from git_hybrid.core.ports import Stage
from git_hybrid.core.tree import TreeLimits
from git_hybrid.git.export import GitExporter
from git_hybrid.git.lfslook import require_content
from git_hybrid.git.run import Runner
from support.beginning import Beginning
from support.cli import Hybrid, merged_env
from support.https_server import HttpsGitServer
from support.kit import errors, git, logging_git, replace, started, state, with_edits, write_manifest
from support.pki import Pki
from support.scanners import a_scanner, scan_of, use
from support.static_server import static_server
from support.upstream import Gitlink, Link, Upstream, UpstreamFactory

SPEC = "https://git-lfs.github.com/spec/v1"

MODULES = '[submodule "lib"]\n\tpath = vendor/lib\n\turl = {url}\n'


@pytest.fixture
def lib(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory("lib")
    upstream.commit({"lib.txt": "one\n"})
    return upstream


@pytest.fixture
def app(upstream_factory: UpstreamFactory, lib: Upstream) -> Upstream:
    upstream = upstream_factory("app")
    files = {".gitmodules": MODULES.format(url="../lib.git"), "vendor/lib": Gitlink(lib.rev("main")), "a": "1"}
    upstream.commit({**files, "docs/old/b": "1"})
    return upstream


def _asks_for(ws: Path, line: str) -> None:
    manifest = ws / "sources.toml"
    manifest.write_text(manifest.read_text().replace('branch = "main"\n', f'branch = "main"\n{line}\n'))


@pytest.fixture
def ws(workspace: Path, app: Upstream, hybrid: Hybrid, beginning: Beginning) -> Path:
    def make() -> None:
        hybrid("init")
        hybrid("add", app.url)
        _asks_for(workspace, "submodules = true")
        hybrid("pin")

    beginning(workspace, make)
    hybrid("sync")
    return workspace


def test_submodules_are_reported_and_left_alone_by_default(workspace: Path, app: Upstream, hybrid: Hybrid) -> None:
    hybrid("init")
    hybrid("add", app.url)
    assert "1 submodule not fetched" in hybrid("sync").out
    assert list((workspace / "sources/app/vendor/lib").iterdir()) == []
    state = json.loads((workspace / "state/sources.json").read_text())
    assert state["sources"][0]["notes"] == "1 submodule not fetched"


def test_submodules_are_fetched_where_the_manifest_says_so(ws: Path, lib: Upstream, hybrid: Hybrid) -> None:
    inner = ws / "sources/app/vendor/lib"
    assert (inner / "lib.txt").read_text() == "one\n"
    assert git("rev-parse", "HEAD", cwd=inner) == lib.rev("main")
    assert git("status", "--porcelain", "--ignore-submodules=none", cwd=ws / "sources/app") == ""
    assert "1 unchanged" in hybrid("sync").err


def test_a_scan_sees_the_submodules_that_are_installed(
    ws: Path, app: Upstream, lib: Upstream, hybrid: Hybrid, tmp_path: Path
) -> None:
    scanner = a_scanner(tmp_path / "fake")
    use(ws, scanner)
    hybrid("scan")
    lib.commit({"lib.txt": "SECRET"})
    app.commit({"vendor/lib": Gitlink(lib.rev("main"))})
    assert "high R1 vendor/lib/lib.txt" in hybrid("pin", "app", "--scan", check=6).err
    use(ws, scanner, policy='scan_block_on = "none"')
    hybrid("pin", "app")
    # Not in the clone yet.
    done = hybrid("scan", check=1)
    assert "not installed: fetched for the scan" in done.out
    assert "high R1 vendor/lib/lib.txt" in done.err
    hybrid("sync")
    # As git itself puts it there.
    git("submodule", "absorbgitdirs", cwd=ws / "sources/app")
    (row,) = hybrid("scan", "--diff", "--json", check=1).json()["sources"]
    assert [(item["path"], item["new"]) for item in row["findings"]] == [("vendor/lib/lib.txt", True)]
    assert row["baseline"]["scanned"] is True


def test_a_submodule_at_a_path_that_is_no_utf_8_is_fetched(
    workspace: Path, upstream_factory: UpstreamFactory, lib: Upstream, hybrid: Hybrid
) -> None:
    path = os.fsdecode(b"l\xe9b")
    app = upstream_factory("app")
    modules = MODULES.replace("vendor/lib", path).format(url="../lib.git")
    app.commit({".gitmodules": os.fsencode(modules), path: Gitlink(lib.rev("main"))})
    hybrid("init")
    hybrid("add", app.url)
    _asks_for(workspace, "submodules = true")
    hybrid("pin")
    hybrid("sync")
    (workspace / f"sources/app/{path}/lib.txt").write_text("mine\n")
    assert "its submodule l\\xe9b is kept" in hybrid("reset", "app").out
    assert (workspace / f"sources/app/{path}/lib.txt").read_text() == "one\n"


def test_what_git_ignores_in_a_submodule_stays(ws: Path, app: Upstream, lib: Upstream, hybrid: Hybrid) -> None:
    inner = ws / "sources/app/vendor/lib"
    (inner / ".git/info").mkdir(exist_ok=True)
    (inner / ".git/info/exclude").write_text("*.o\n")
    (inner / "settings.o").write_text("mine\n")
    git("branch", "here", cwd=inner)
    app.commit({"a": "2"})
    hybrid("pin", "app")
    environment, log = logging_git(ws.parent / "logging")
    hybrid("sync", env=environment)
    # Its commit did not change: it is left alone, and made nowhere else.
    assert not any("+submodule" in line for line in log.read_text().splitlines())
    assert (inner / "settings.o").read_text() == "mine\n"
    assert git("branch", "--list", "here", cwd=inner).strip()
    assert (ws / "sources/app/a").read_text() == "2"
    lib.commit({"lib.txt": "two\n"})
    app.commit({"vendor/lib": Gitlink(lib.rev("main"))})
    hybrid("pin", "app")
    told = hybrid("sync", "-v").out
    assert "what git ignores in its submodule vendor/lib is kept at sources/.set-aside/app+vendor-lib-" in told
    assert (inner / "lib.txt").read_text() == "two\n"
    (kept,) = (ws / "sources/.set-aside").glob("app+vendor-lib-*")
    assert (kept / "settings.o").read_text() == "mine\n"
    assert hybrid("check", "sources").code == 0


def test_a_submodule_of_another_url_is_made_anew(
    ws: Path, app: Upstream, lib: Upstream, hybrid: Hybrid, upstream_factory: UpstreamFactory
) -> None:
    shutil.copytree(lib.path, lib.path.with_name("moved.git"))
    app.commit({".gitmodules": MODULES.format(url="../moved.git")})
    hybrid("pin", "app")
    hybrid("sync")
    assert git("config", "remote.origin.url", cwd=ws / "sources/app/vendor/lib").endswith("moved.git")
    # So it is where that of the source changes, and its commit does not.
    elsewhere = app.path.with_name("elsewhere")
    elsewhere.mkdir()
    for path in (app.path, app.path.with_name("moved.git")):
        path.rename(elsewhere / path.name)
    replace(ws / "sources.toml", app.url, f"file://{elsewhere}/app.git")
    hybrid("pin")
    hybrid("sync")
    assert git("config", "remote.origin.url", cwd=ws / "sources/app/vendor/lib") == f"file://{elsewhere}/moved.git"


def test_what_the_name_of_the_parent_stands_for_is_not_asked_for_a_submodule(
    ws: Path, app: Upstream, lib: Upstream, hybrid: Hybrid, tmp_path: Path
) -> None:
    bundles, mirror = tmp_path / "bundles", tmp_path / "mirror"
    bundles.mkdir()
    mirror.mkdir()
    git("bundle", "create", "-q", bundles / "app.bundle", "--all", cwd=app.path)
    git("clone", "-q", "--bare", app.path, mirror / "app.git", cwd=tmp_path)
    by_name = f"file://{mirror}/{{name}}"
    for env in ({"GIT_HYBRID_BUNDLE_DIR": str(bundles)}, {"GIT_HYBRID_MIRRORS": f"{by_name},direct"}):
        shutil.rmtree(ws / "sources/app")
        hybrid("sync", env=env)
        assert (ws / "sources/app/vendor/lib/lib.txt").read_text() == "one\n"
    shutil.rmtree(ws / "sources/app")
    failed = hybrid("sync", env={"GIT_HYBRID_MIRRORS": by_name}, check=4)
    assert lib.url in failed.err
    assert "has no submodules" in failed.err
    hybrid("sync")
    hybrid("mirror", "add", "named", by_name, "--owner", "Infra <infra@example.org>")
    assert "lacks a submodule" in hybrid("mirror", "verify", check=1).err


def test_asking_for_submodules_later_fills_them_and_no_more_takes_them_out(
    workspace: Path, app: Upstream, hybrid: Hybrid
) -> None:
    hybrid("init")
    hybrid("add", app.url)
    hybrid("sync")
    _asks_for(workspace, "submodules = true")
    hybrid("pin")
    hybrid("sync")
    inner = workspace / "sources/app/vendor/lib"
    assert (inner / "lib.txt").is_file()
    (inner / ".git/info/exclude").write_text("*.key\n")
    (inner / "my.key").write_text("mine\n")
    replace(workspace / "sources.toml", "submodules = true\n", "")
    hybrid("pin")
    assert "sync takes them out" in hybrid("status").out
    assert "sync takes them out" in hybrid("diff", "--exit-code", check=1).out
    assert "mend: git hybrid sync app\n" in hybrid("check", "sources", check=1).out
    assert "what git ignores in its submodule vendor/lib is kept at sources/.set-aside/app+" in hybrid("sync").out
    assert list(inner.iterdir()) == []


def test_a_submodule_moves_with_the_pin_and_comes_where_a_folder_was(
    ws: Path, app: Upstream, lib: Upstream, hybrid: Hybrid
) -> None:
    second = Gitlink(lib.commit({"lib.txt": "two\n"}))
    docs = MODULES.format(url="../lib.git").replace("lib", "docs", 1).replace("vendor/lib", "docs")
    modules = MODULES.format(url="../lib.git") + docs
    app.commit({".gitmodules": modules, "vendor/lib": second, "docs/old/b": None, "docs": second})
    (ws / "sources/app/docs/empty").mkdir()
    hybrid("pin", "app")
    assert "app  updated" in hybrid("sync").out
    assert [(ws / f"sources/app/{path}/lib.txt").read_text() for path in ("vendor/lib", "docs")] == ["two\n"] * 2


def test_a_changed_file_in_a_submodule_blocks(ws: Path, app: Upstream, hybrid: Hybrid) -> None:
    (ws / "sources/app/vendor/lib/lib.txt").write_text("mine\n")
    app.commit({"a": "2"})
    hybrid("pin", "app")
    done = hybrid("sync", check=3)
    assert (
        "cause: vendor/lib (submodule)\ncause: reset keeps what is in a submodule below sources/.set-aside/" in done.err
    )
    assert (ws / "sources/app/vendor/lib/lib.txt").read_text() == "mine\n"


def test_reset_keeps_the_work_in_a_submodule_and_needs_no_network(ws: Path, lib: Upstream, hybrid: Hybrid) -> None:
    inner = ws / "sources/app/vendor/lib"
    (inner / "lib.txt").write_text("mine\n")
    (inner / "new.txt").write_text("new\n")
    told = hybrid("reset", "app", env={"GIT_HYBRID_OFFLINE": "1"}).out
    assert (inner / "lib.txt").read_text() == "one\n"
    (kept,) = (ws / "sources/.set-aside").iterdir()
    assert f"the work in its submodule vendor/lib is kept at sources/.set-aside/{kept.name}" in told
    assert ((kept / "lib.txt").read_text(), (kept / "new.txt").read_text()) == ("mine\n", "new\n")
    # What was copied can be copied again, and what is not there is told as what it is.
    (inner / "lib.txt").write_text("mine\n")
    hybrid("reset", "app", env={"GIT_HYBRID_OFFLINE": "1"})
    shutil.rmtree(inner)
    told = hybrid("reset", "app", env={"GIT_HYBRID_OFFLINE": "1"}, check=4).err
    assert f"error: app needs the submodule at {lib.url}, which no bundle here has" in told


def test_a_submodule_that_head_does_not_have_is_no_work_where_the_pin_has_just_that(ws: Path, hybrid: Hybrid) -> None:
    clone = ws / "sources/app"
    inner = clone / "vendor/lib"
    git("rm", "-q", "--cached", ".gitmodules", "vendor/lib", cwd=clone)
    git("commit", "-qm", "without it", cwd=clone)
    (clone / "a").write_text("mine")
    (inner / "mine").touch()
    assert "but no submodule that the pin has just so, or mend its rights" in hybrid("sync", check=3).err
    assert "holds another git repository: vendor/lib/" in hybrid("reset", "app", check=3).err
    (inner / "mine").unlink()
    (inner / ".git/stays").touch()
    hybrid("reset", "app")
    assert (inner / ".git/stays").exists()
    (ref,) = git("for-each-ref", "--format=%(refname)", "refs/hybrid/saved", cwd=clone).split()
    assert git("ls-tree", "-r", "--name-only", ref, cwd=clone).split() == [".gitmodules", "a", "docs/old/b"]
    assert hybrid("sync").out == ""


def test_what_somebody_does_meanwhile_in_a_submodule_that_was_to_stay_is_kept(ws: Path, hybrid: Hybrid) -> None:
    inner = ws / "sources/app/vendor/lib"
    (ws / "sources/app/a").write_text("mine\n")
    environment = with_edits(ws.parent / "edits", "read-tree", {inner: "echo mine >new.txt"})
    assert "it was changed meanwhile" in hybrid("reset", "app", env=environment, check=74).err
    assert (inner / "new.txt").read_text() == "mine\n"
    hybrid("resume")
    (kept,) = (ws / "sources/.set-aside").iterdir()
    assert (kept / "new.txt").read_text() == "mine\n"
    assert (inner / "lib.txt").read_text() == "one\n"


@pytest.mark.parametrize("how", ["sync", "reset"])
def test_ignored_files_of_a_submodule_are_set_aside(
    ws: Path, app: Upstream, lib: Upstream, hybrid: Hybrid, how: str
) -> None:
    inner = ws / "sources/app/vendor/lib"
    (inner / ".git/info/exclude").write_text("*.key\n")
    (inner / "deep").mkdir()
    (inner / "deep/my.key").write_text("mine\n")
    app.commit({"vendor/lib": Gitlink(lib.commit({"lib.txt": "two\n"}))})
    hybrid("pin", "app")
    told = hybrid(how, "app").out
    (kept,) = (ws / "sources/.set-aside").iterdir()
    assert f"is kept at sources/.set-aside/{kept.name}" in told
    assert (kept / "deep/my.key").read_text() == "mine\n"
    assert (inner / "lib.txt").read_text() == "two\n"


def test_ignored_files_where_a_submodule_is_to_be_are_in_the_way_and_saved(
    ws: Path, app: Upstream, lib: Upstream, hybrid: Hybrid
) -> None:
    clone = ws / "sources/app"
    (clone / ".git/info/exclude").write_text("*.key\n")
    (clone / "more").mkdir()
    (clone / "more/my.key").write_text("mine\n")
    paths = ("vendor/lib", "more")
    modules = "".join(f'[submodule "{path}"]\n\tpath = {path}\n\turl = ../lib.git\n' for path in paths)
    app.commit({".gitmodules": modules, "more": Gitlink(lib.rev("main"))})
    hybrid("pin", "app")
    assert "cause: more/my.key\n" in hybrid("sync", "app", check=3).err
    hybrid("reset", "app")
    assert (clone / "more/lib.txt").read_text() == "one\n"
    saved = git("for-each-ref", "--format=%(refname)", "refs/hybrid/saved", cwd=clone)
    assert git("show", f"{saved}:more/my.key", cwd=clone) == "mine"
    # So it is where one that was there has gone, and a folder is not in the way.
    shutil.rmtree(clone / "more")
    (clone / "more/deep").mkdir(parents=True)
    (clone / "more/my.key").write_text("mine\n")
    assert "cause: more/my.key\n" in hybrid("sync", "app", check=3).err
    assert not (ws / "state/resume.json").exists()
    (clone / "more/my.key").unlink()
    hybrid("sync")
    assert (clone / "more/lib.txt").read_text() == "one\n"


@pytest.mark.parametrize("lfs", ["pointer", "fetch"])
def test_files_where_a_submodule_is_not_there_are_work(
    workspace: Path, app: Upstream, hybrid: Hybrid, lfs: str
) -> None:
    write_manifest(workspace, f'[source.app]\nurl = "{app.url}"\nbranch = "main"\nlfs = "{lfs}"\n')
    hybrid("pin")
    hybrid("sync")
    own = workspace / "sources/app/vendor/lib/deep/notes"
    own.parent.mkdir()
    own.write_text("mine\n")
    assert "cause: vendor/lib/deep/notes\n" in hybrid("remove", "app", check=3).err
    assert "saved as refs/hybrid/saved/" in hybrid("reset", "app").out
    assert not own.exists()
    if lfs == "pointer":
        # So it is where git had checked it out, and its repository is gone: git add fails there.
        own.parent.mkdir()
        own.write_text("more\n")
        (workspace / "sources/app/vendor/lib/.git").write_text("gitdir: ../../.git/modules/lib\n")
        assert "vendor/lib/.git, which git cannot store, is kept at " in hybrid("reset", "app").out
        saved = git("for-each-ref", "--format=%(refname)", "refs/hybrid/saved", cwd=workspace / "sources/app")
        assert git("show", f"{saved.split()[-1]}:vendor/lib/deep/notes", cwd=workspace / "sources/app") == "more"
        assert not own.exists()
    hybrid("remove", "app")


def test_work_of_two_submodules_whose_names_meet_is_kept_twice(
    workspace: Path, upstream_factory: UpstreamFactory, lib: Upstream, hybrid: Hybrid
) -> None:
    paths = ("a/b", "a-b")
    modules = "".join(f'[submodule "{path}"]\n\tpath = {path}\n\turl = ../lib.git\n' for path in paths)
    app = upstream_factory("app")
    app.commit({".gitmodules": modules, **{path: Gitlink(lib.rev("main")) for path in paths}})
    hybrid("init")
    hybrid("add", app.url)
    _asks_for(workspace, "submodules = true")
    hybrid("pin")
    hybrid("sync")
    for path in paths:
        (workspace / "sources/app" / path / "lib.txt").write_text(f"mine in {path}\n")
    told = hybrid("reset", "app").out
    kept = list((workspace / "sources/.set-aside").iterdir())
    assert {(folder / "lib.txt").read_text() for folder in kept} == {f"mine in {path}\n" for path in paths}
    assert all(f"is kept at sources/.set-aside/{folder.name}" in told for folder in kept)
    # What is set aside of a source named app-a-b goes elsewhere.
    assert {folder.name.partition("+")[0] for folder in kept} == {"app"}


def test_remove_refuses_to_drop_commits_of_a_submodule(ws: Path, hybrid: Hybrid) -> None:
    inner = ws / "sources/app/vendor/lib"
    git("checkout", "-q", "-b", "topic", cwd=inner)
    git("commit", "-q", "--allow-empty", "-m", "mine", cwd=inner)
    git("checkout", "-q", "--detach", "topic~1", cwd=inner)
    done = hybrid("remove", "app", check=3)
    assert "cause: in vendor/lib: refs/heads/topic\n" in done.err
    assert "hint: if it may go: git -C sources/app/vendor/lib branch -D topic\n" in done.err
    assert git("log", "-1", "--format=%s", "topic", cwd=inner) == "mine"


def test_a_sync_says_where_it_keeps_the_branch_of_a_submodule(ws: Path, app: Upstream, hybrid: Hybrid) -> None:
    inner = ws / "sources/app/vendor/lib"
    git("checkout", "-q", "-b", "topic", cwd=inner)
    git("commit", "-q", "--allow-empty", "-m", "mine", cwd=inner)
    git("checkout", "-q", "--detach", "topic~1", cwd=inner)
    app.commit({"a": "2"})
    hybrid("pin", "app")
    told = hybrid("sync").out
    (kept,) = (ws / "sources/.set-aside").iterdir()
    words = f"the work in its submodule vendor/lib is kept at sources/.set-aside/{kept.name}"
    assert words in told
    state = json.loads((ws / "state/sources.json").read_text())
    assert words in state["sources"][0]["notes"]
    assert git("log", "-1", "--format=%s", "topic", cwd=kept) == "mine"


@pytest.mark.parametrize("url", ["ext::sh -c true", "https://user:pw@h/x", "/../../etc", "-oProxyCommand=x", ""])
def test_a_hostile_submodule_url_is_refused(
    upstream_factory: UpstreamFactory, workspace: Path, hybrid: Hybrid, url: str, lib: Upstream
) -> None:
    upstream = upstream_factory("bad")
    upstream.commit({".gitmodules": MODULES.format(url=url), "vendor/lib": Gitlink(lib.rev("main"))})
    hybrid("init")
    added = hybrid("add", upstream.url, check=None)
    if added.code == 0:
        _asks_for(workspace, "submodules = true")
        refused = hybrid("pin", check=5)
        assert f"submodule vendor/lib: {'URL' if url else '.gitmodules names no URL for it'}" in refused.err
        assert "pw" not in refused.err
        hybrid("sync", check=1)
    else:
        assert added.code == 5, added
    assert not (workspace / "sources/bad").exists()
    assert "pw" not in added.err


def test_no_link_leaves_the_repository_by_way_of_a_submodule(
    upstream_factory: UpstreamFactory, workspace: Path, hybrid: Hybrid, lib: Upstream
) -> None:
    lib.commit({"here": Link(".")})
    upstream = upstream_factory("bad")
    module = {".gitmodules": MODULES.format(url="../lib.git"), "vendor/lib": Gitlink(lib.rev("main"))}
    upstream.commit({**module, "fine": Link("vendor/lib/here/lib.txt"), "near": Link("vendor/lib/here/../x")})
    hybrid("init")
    hybrid("add", upstream.url)
    _asks_for(workspace, "submodules = true")
    hybrid("pin")
    hybrid("sync")
    assert (workspace / "sources/bad/fine").read_text() == "one\n"
    upstream.commit({"out": Link("vendor/lib/here/here/here/../../../sources.toml")})
    assert "escaping-link: out" in hybrid("pin", "bad", check=5).err


@pytest.mark.parametrize("form", ["file://{}", "{}"])
def test_a_server_names_no_repository_of_this_machine(
    upstream_factory: UpstreamFactory,
    https_server: HttpsGitServer,
    workspace: Path,
    hybrid: Hybrid,
    tmp_path: Path,
    form: str,
) -> None:
    private, upstream = Upstream.create(tmp_path / "private.git"), upstream_factory("bad")
    secret = private.commit({"secret": "x\n"})
    modules = MODULES.format(url=form.format(private.path))
    upstream.commit({".gitmodules": modules, "vendor/lib": Gitlink(secret)})
    hybrid("init")
    hybrid("add", https_server.url("bad.git"), env=https_server.env())
    _asks_for(workspace, "submodules = true")
    for command in (("pin",), ("mirror", "update", tmp_path / "mirror")):
        assert "is of this machine" in hybrid(*command, env=https_server.env(), check=5).err
    assert not list(tmp_path.glob("mirror/**/private*"))


def test_a_submodule_that_a_mirror_is_behind_with_comes_from_the_next(
    ws: Path, app: Upstream, lib: Upstream, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("mirror", "update", tmp_path / "app")
    hybrid("mirror", "update", tmp_path / "old")
    # Of what is to be fetched the mirror has the repository of the source alone.
    shutil.rmtree(tmp_path / "app/localhost" / str(lib.path).lstrip("/"))
    app.commit({"vendor/lib": Gitlink(lib.commit({"lib.txt": "two\n"}))})
    hybrid("pin", "app")
    old, base = (tmp_path / "old").as_uri(), (tmp_path / "app").as_uri()
    env = {"GIT_HYBRID_MIRRORS": f"{old},direct"}
    hybrid("sync", env=env)
    assert git("rev-parse", "HEAD", cwd=ws / "sources/app/vendor/lib") == lib.rev("main")
    hybrid("mirror", "update", tmp_path / "app", env=env)
    shutil.rmtree(ws / "sources/app")
    hybrid("sync", env={"GIT_HYBRID_MIRRORS": base})
    shutil.rmtree(ws / "sources/app")
    # What has the name of the source in its base has no submodules: of these the other is asked.
    mirrors = f"{base}/localhost{app.path.parent}/{{name}}.git,{old}"
    done = hybrid("sync", env={"GIT_HYBRID_MIRRORS": mirrors}, check=5)
    assert f"submodule vendor/lib is on no branch and no tag at the mirror {old}" in done.err


def test_a_submodule_commit_that_upstream_lost_is_5(ws: Path, app: Upstream, hybrid: Hybrid) -> None:
    before = git("rev-parse", "HEAD", cwd=ws / "sources/app")
    app.commit({"vendor/lib": Gitlink("1" * 40)})
    hybrid("pin", "app")
    done = hybrid("sync", "--json", check=5)
    assert errors(done) == {"app": "submodule-unreachable"}
    # The commit is one of another repository than the source's: no approval of the source takes it.
    assert "--force" not in "".join(done.json()["sources"][0]["error"]["hints"])
    assert git("rev-parse", "HEAD", cwd=ws / "sources/app") == before


def test_hosts_policy_holds_for_submodules(
    upstream_factory: UpstreamFactory, lib: Upstream, workspace: Path, hybrid: Hybrid
) -> None:
    upstream = upstream_factory("far")
    upstream.commit(
        {".gitmodules": MODULES.format(url="https://other.example/lib"), "vendor/lib": Gitlink(lib.rev("main"))}
    )
    hybrid("init")
    manifest = workspace / "sources.toml"
    manifest.write_text(manifest.read_text().replace("[policy]\n", '[policy]\nhosts = ["git.example.org"]\n'))
    hybrid("add", upstream.url)
    _asks_for(workspace, "submodules = true")
    assert "other.example" in hybrid("pin", check=6).err


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A bare upstream with one LFS file, made by git-lfs itself."""
    bare, work = tmp_path / "large.git", tmp_path / "large-work"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True)
    subprocess.run(["git", "clone", "-q", bare.as_uri(), work], check=True, capture_output=True)
    git("lfs", "install", "--local", cwd=work)
    git("checkout", "-q", "-B", "main", cwd=work)
    _push(work, b"first")
    return bare


def _push(work: Path, content: bytes) -> None:
    (work / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (work / "a.bin").write_bytes(content * 1000)
    git("add", "-A", cwd=work)
    git("commit", "-q", "-m", content.decode(), cwd=work)
    git("push", "-q", "origin", "main", cwd=work)


def test_lfs_content_comes_only_where_the_manifest_says_so(large: Path, workspace: Path, hybrid: Hybrid) -> None:
    hybrid("init")
    hybrid("add", large.as_uri(), "--name", "large")
    assert "LFS files are pointers" in hybrid("sync").out
    file = workspace / "sources/large/a.bin"
    assert file.read_bytes().startswith(b"version https://git-lfs")
    _asks_for(workspace, 'lfs = "fetch"')
    hybrid("pin")
    hybrid("sync")
    assert file.read_bytes() == b"first" * 1000
    assert "1 unchanged" in hybrid("sync").err
    assert git("status", "--porcelain", cwd=workspace / "sources/large") == ""


def test_a_scan_sees_the_lfs_content_that_is_installed(
    large: Path, workspace: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    _push(tmp_path / "large-work", b"SECRET")
    started(hybrid, large.as_uri())
    use(workspace, a_scanner(tmp_path / "fake"))
    hybrid("scan")
    _asks_for(workspace, 'lfs = "fetch"')
    hybrid("pin")
    hybrid("sync")
    assert "lfs or submodules of the source, changed" in hybrid("status").out
    assert "(1,000 high)" in hybrid("scan", check=1).err
    _push(tmp_path / "large-work", b"SMELL")
    hybrid("pin", "large", "--scan")
    assert scan_of(state(workspace), "large")["counts"]["medium"] == 1000


def test_lfs_content_counts_as_the_files_that_it_becomes(large: Path, workspace: Path, hybrid: Hybrid) -> None:
    source = f'[source.large]\nurl = "{large.as_uri()}"\nbranch = "main"\nlfs = "fetch"\n'
    write_manifest(workspace, f"[policy]\nmax_bytes = 5000\n{source}")
    told = hybrid("pin", check=5).err
    assert "larger than 5,000 bytes together with their Git LFS content ([policy] max_bytes)\n" in told
    assert not list(workspace.glob("sources/**/lfs/objects/**/*"))
    replace(workspace / "sources.toml", "max_bytes = 5000", "max_bytes = 6000")
    hybrid("pin")


def test_lfs_content_that_one_server_lacks_is_asked_of_the_next(
    large: Path, workspace: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("init")
    hybrid("add", large.as_uri(), "--name", "large")
    mirror = tmp_path / "mirror"
    hybrid("mirror", "update", mirror)
    _asks_for(workspace, 'lfs = "fetch"')
    hybrid("pin")
    alone = {"GIT_HYBRID_MIRRORS": mirror.as_uri()}
    done = hybrid("sync", "--json", env=alone, check=4)
    assert errors(done) == {"large": "lfs-missing"}
    assert done.json()["sources"][0]["error"]["hints"][0].endswith(f"git hybrid mirror update {mirror}")
    assert (
        "(lfs-missing), asking the next" in hybrid("sync", env={"GIT_HYBRID_MIRRORS": f"{mirror.as_uri()},direct"}).err
    )
    hybrid("mirror", "update", mirror)
    shutil.rmtree(workspace / "sources/large")
    hybrid("sync", env=alone)
    assert (workspace / "sources/large/a.bin").read_bytes() == b"first" * 1000
    # git-lfs links what it finds in a folder: whoever writes into one would write into all of them.
    kept = [path for folder in (workspace, mirror) for path in folder.rglob("lfs/objects/??/??/*")]
    assert len(kept) == 2
    assert {path.stat().st_nlink for path in kept} == {1}


def test_a_server_of_plain_files_lacks_lfs_content(
    large: Path, workspace: Path, hybrid: Hybrid, tmp_path: Path, pki: Pki
) -> None:
    hybrid("init")
    hybrid("add", large.as_uri(), "--name", "large")
    _asks_for(workspace, 'lfs = "fetch"')
    hybrid("pin")
    hybrid("mirror", "update", tmp_path / "mirror")
    with static_server(tmp_path / "mirror", pki) as base:
        done = hybrid("sync", env={"GIT_HYBRID_MIRRORS": base, "GIT_SSL_CAINFO": str(pki.ca)}, check=4)
    assert "large  failed  lfs-missing" in done.out
    assert "no Git LFS is served there (HTTP 501), as by any server of plain files" in done.err


def test_a_clone_that_has_pointers_again_keeps_nothing_of_lfs(large: Path, workspace: Path, hybrid: Hybrid) -> None:
    hybrid("init")
    hybrid("add", large.as_uri(), "--name", "large")
    _asks_for(workspace, 'lfs = "fetch"')
    hybrid("pin")
    hybrid("sync")
    clone = workspace / "sources/large"
    git("lfs", "install", "--local", "--force", cwd=clone)
    git("config", "filter.lfs.clean", "git-lfs clean -- %f", cwd=clone)
    git("config", "filter.lfs.smudge", "git-lfs smudge -- %f", cwd=clone)
    replace(workspace / "sources.toml", 'lfs = "fetch"', 'lfs = "pointer"')
    hybrid("pin")
    hybrid("sync")
    assert (clone / "a.bin").read_bytes().startswith(b"version https://git-lfs")
    assert hybrid("check", "sources").code == 0
    assert git("config", "--get-regexp", r"^filter\.", cwd=clone, check=False) == ""


@pytest.mark.parametrize(
    ("scheme", "code", "told"), [("https", 6, "the host 127.0.0.1 is not in"), ("http", 4, "http://")]
)
def test_lfs_content_comes_from_hosts_that_policy_has_and_over_tls(
    large: Path, workspace: Path, hybrid: Hybrid, https_server: HttpsGitServer, scheme: str, code: int, told: str
) -> None:
    (https_server.root / "large.git").symlink_to(large)
    content = b"first" * 1000
    oid, host = hashlib.sha256(content).hexdigest(), "127.0.0.1" if scheme == "https" else "localhost"
    href = https_server.url(oid, host=host).replace("https", scheme, 1)
    found = {"oid": oid, "size": len(content), "authenticated": True, "actions": {"download": {"href": href}}}
    batch = json.dumps({"transfer": "basic", "objects": [found]}).encode()
    kind = {"Content-Type": "application/vnd.git-lfs+json"}
    hybrid("init")
    manifest = workspace / "sources.toml"
    manifest.write_text(manifest.read_text().replace("[policy]\n", '[policy]\nhosts = ["localhost"]\n'))
    hybrid("add", https_server.url("large.git"), env=https_server.env())
    _asks_for(workspace, 'lfs = "fetch"')
    hybrid("pin", env=https_server.env())
    https_server.fail_always(200, headers=kind, body=batch, only="/objects/batch")
    assert told in hybrid("sync", env=https_server.env(), check=code).err
    assert not (workspace / "sources/large").exists()


def test_a_tree_that_leaves_out_lfs_content_is_not_asked(large: Path, workspace: Path, hybrid: Hybrid) -> None:
    work = large.with_name("large-work")
    (work / ".lfsconfig").write_text("[lfs]\n\tfetchexclude = *\n\tskipdownloaderrors = true\n")
    git("config", "--global", "lfs.fetchinclude", "none", cwd=work)
    _push(work, b"second")
    hybrid("init")
    hybrid("add", large.as_uri(), "--name", "large")
    _asks_for(workspace, 'lfs = "fetch"')
    hybrid("pin")
    hybrid("sync")
    assert (workspace / "sources/large/a.bin").read_bytes() == b"second" * 1000
    _push(work, b"third")
    hybrid("pin", "large")
    hybrid("sync")
    file = workspace / "sources/large/a.bin"
    assert file.read_bytes() == b"third" * 1000
    assert git("status", "--porcelain", cwd=file.parent) == ""
    file.write_bytes(b"mine")
    hybrid("reset", "large")
    assert file.read_bytes() == b"third" * 1000


def test_a_pointer_that_git_takes_for_its_content_is_told_and_mended(
    large: Path, workspace: Path, hybrid: Hybrid
) -> None:
    hybrid("init")
    hybrid("add", large.as_uri(), "--name", "large")
    _asks_for(workspace, 'lfs = "fetch"')
    hybrid("pin")
    hybrid("sync")
    file = workspace / "sources/large/a.bin"
    file.write_text(git("show", "HEAD:a.bin", cwd=file.parent) + "\n")
    git("add", "a.bin", cwd=file.parent)
    assert git("status", "--porcelain", cwd=file.parent) == ""
    assert "its Git LFS files are not as the manifest asks" in hybrid("status", "--exit-code", check=1).out
    told = hybrid("check", "sources", check=1).out
    assert "Git LFS pointers stand in place of content: a.bin" in told
    assert "git hybrid sync large" in told
    hybrid("sync", "large")
    assert file.read_bytes() == b"first" * 1000
    assert "1 unchanged" in hybrid("sync").err


def test_the_hooks_of_git_lfs_are_its_own(large: Path, workspace: Path, hybrid: Hybrid) -> None:
    hybrid("init")
    hybrid("add", large.as_uri(), "--name", "large")
    _asks_for(workspace, 'lfs = "fetch"')
    hybrid("pin")
    hybrid("sync")
    clone = workspace / "sources/large"
    (clone / "a.bin").unlink()
    git("checkout", "-q", "-f", "HEAD", cwd=clone)
    hook = clone / ".git/hooks/post-checkout"
    text = hook.read_text()
    hybrid("check", "sources")
    for other in (
        f"{text}\ntouch x\n",
        text.replace("#!/bin/sh", "#!/bin/bash"),
        text.replace("|| { ", "|| { touch x; "),
    ):
        hook.write_text(other)
        assert "post-checkout is run by git" in hybrid("check", "sources", check=1).out
    hook.rename(hook.with_name("post-merge"))
    hook.with_name("post-merge").write_text(text)
    assert "post-merge is run by git" in hybrid("check", "sources", check=1).out


def test_a_pointer_in_the_place_of_lfs_content_is_no_success(large: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(
        ["git", "clone", "-q", large.as_uri(), clone], check=True, env={**os.environ, "GIT_LFS_SKIP_SMUDGE": "1"}
    )
    runner, name = Runner(environ=merged_env(None)), SourceName("large")
    with pytest.raises(WrongContent, match=r"a\.bin") as caught:
        require_content(runner, clone, name=name)
    assert caught.value.found == "the pointer itself"
    pointer = (clone / "a.bin").read_bytes()
    # Content that looks like a pointer, and a pointer that LFS has nothing to do with.
    (clone / "a.bin").write_bytes(pointer + b"\n")
    (clone / "b.txt").write_bytes(pointer)
    git("add", "b.txt", cwd=clone)
    require_content(runner, clone, name=name)
    # git-lfs takes what is longer than any pointer for one by how it begins: nobody looks for its content.
    (clone / "long.bin").write_bytes(pointer + b" " * 1000 + b"code\n")
    options = ("-c", "filter.lfs.clean=cat", "-c", "filter.lfs.process=", "-c", "filter.lfs.required=false")
    (clone / "link.bin").symlink_to("long.bin")
    git(*options, "add", "long.bin", "link.bin", cwd=clone)
    require_content(runner, clone, name=name)
    (clone / "long.bin").write_bytes(b"first" * 1000)
    with pytest.raises(WrongContent, match=r"long\.bin"):
        require_content(runner, clone, name=name)


@pytest.mark.parametrize(
    ("head", "end"),
    [
        ("https://hawser.github.com/spec/v1", "\n"),
        ("http://git-media.io/v/2", "\n"),
        (SPEC, "\r\n"),
        (f"\n {SPEC}", "\n"),
    ],
)
def test_what_git_lfs_takes_for_a_pointer_is_scanned_as_its_content(
    upstream_factory: UpstreamFactory, tmp_path: Path, head: str, end: str
) -> None:
    content, upstream = b"secret" * 10, upstream_factory("spelled")
    sha256 = hashlib.sha256(content).hexdigest()
    before, blank, head = head.rpartition(" ")
    pointer = end.join((f"version {head}", f"oid sha256:{sha256}", f"size {len(content)}", ""))
    commit = upstream.commit({"a.bin": f"{before}{blank}{pointer}"})
    place = upstream.path / "lfs/objects" / sha256[:2] / sha256[2:4] / sha256
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    (tmp_path / ".git").symlink_to(upstream.path)
    (tmp_path / "out").mkdir()
    stage, limits = Stage(SourceName("spelled"), str(tmp_path)), TreeLimits(max_entries=9, max_bytes=9000)
    GitExporter(Runner(merged_env(None))).export(stage, parse_oid(commit), str(tmp_path / "out"), limits, lfs=True)
    assert (tmp_path / "out/a.bin").read_bytes() == content


def test_lfs_content_that_is_not_what_its_pointer_names_is_not_scanned(large: Path, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(b"first" * 1000).hexdigest()
    content = large / "lfs/objects" / sha256[:2] / sha256[2:4] / sha256
    (tmp_path / ".git").symlink_to(large)
    stage, limits = Stage(SourceName("large"), str(tmp_path)), TreeLimits(max_entries=9, max_bytes=9000)
    commit, exporter = parse_oid(git("rev-parse", "main", cwd=large).strip()), GitExporter(Runner(merged_env(None)))

    def exported() -> bytes:
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            assert exporter.export(stage, commit, folder, limits, lfs=True) == [b".gitattributes", b"a.bin"]
            return Path(folder, "a.bin").read_bytes()

    assert exported() == b"first" * 1000
    # What has no room, the pointer or its content, is told with its name.
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for most in (100, 1000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
        try:
            with pytest.raises(LocalIo) as caught:
                exported()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert (Path(caught.value.path).name, caught.value.operation) == ("a.bin", "write")
    content.chmod(0o644)
    content.write_bytes(b"other" * 1000)
    with pytest.raises(WrongContent, match=r"a\.bin"):
        exported()
    # What git-lfs did not fetch is no content of LFS: it stands as it is in a clone, too.
    content.unlink()
    assert sha256.encode() in exported()


def test_lfs_content_moves_with_the_pin_and_local_edits_block(large: Path, workspace: Path, hybrid: Hybrid) -> None:
    hybrid("init")
    hybrid("add", large.as_uri(), "--name", "large")
    _asks_for(workspace, 'lfs = "fetch"')
    hybrid("pin")
    hybrid("sync")
    _push(large.with_name("large-work"), b"second")
    hybrid("pin", "large")
    hybrid("sync")
    file = workspace / "sources/large/a.bin"
    assert hashlib.sha256(file.read_bytes()).digest() == hashlib.sha256(b"second" * 1000).digest()
    file.write_bytes(b"mine")
    assert "a.bin" in hybrid("sync", check=3).err
    (file.parent / "deep").mkdir()
    (file.parent / "deep/new").write_text("new")
    hybrid("reset", "large", env={"GIT_HYBRID_OFFLINE": "1"})
    assert file.read_bytes() == b"second" * 1000
    assert not (file.parent / "deep").exists()
    saved = git("for-each-ref", "--format=%(refname)", "refs/hybrid/saved", cwd=workspace / "sources/large")
    assert saved.startswith("refs/hybrid/saved/")
    assert git("show", f"{saved}:deep/new", cwd=file.parent) == "new"
