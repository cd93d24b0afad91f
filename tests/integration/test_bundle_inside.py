"""What is inside of sources crosses an air gap with them: submodules, nested ones too, and content of Git LFS."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from git_hybrid.app.acquire import Tree
from git_hybrid.cli.main import main
from git_hybrid.core.bundles import key_of_submodule
from git_hybrid.core.ids import parse_oid, parse_url
from support.beginning import Beginning
from support.bundles import of_the_first_form, offline, rebuilt
from support.cli import Hybrid
from support.https_server import HttpsGitServer
from support.kit import errors, git, replace, snapshot
from support.upstream import Gitlink, Link, Upstream, UpstreamFactory

FIRST, SECOND = b"first" * 1000, b"other" * 1000
FORGED = b"forge" * 1000


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _keep(upstream: Upstream, content: bytes) -> str:
    """Give the upstream the content, and return its pointer."""
    sha256 = _sha256(content)
    path = upstream.path / "lfs/objects" / sha256[:2] / sha256[2:4] / sha256
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(content)}\n"


def _modules(**urls: str) -> str:
    return "".join(f'[submodule "{name}"]\n\tpath = in/{name}\n\turl = {url}\n' for name, url in urls.items())


@pytest.fixture
def lib(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory("lib")
    upstream.commit({"lib.txt": "one\n", **{f"f{number}": "f" for number in range(5)}})
    return upstream


@pytest.fixture
def app(upstream_factory: UpstreamFactory, lib: Upstream) -> Upstream:
    """It has a submodule that has one in turn, and content of Git LFS."""
    mid, upstream = upstream_factory("mid"), upstream_factory("app")
    mid.commit({".gitmodules": _modules(lib="../lib.git"), "in/lib": Gitlink(lib.rev("main"))})
    files = {".gitmodules": _modules(lib="../lib.git", mid="../mid.git"), "in/lib": Gitlink(lib.rev("main"))}
    large = {".gitattributes": "*.bin filter=lfs\n", "a.bin": _keep(upstream, FIRST)}
    upstream.commit({**files, **large, "in/mid": Gitlink(mid.rev("main"))})
    return upstream


@pytest.fixture
def twin(upstream_factory: UpstreamFactory, lib: Upstream) -> Upstream:
    """It has the same inside, and nothing else."""
    upstream = upstream_factory("twin")
    files = {".gitmodules": _modules(lib="../lib.git"), "in/lib": Gitlink(lib.rev("main"))}
    upstream.commit({**files, ".gitattributes": "*.bin filter=lfs\n", "b.bin": _keep(upstream, FIRST)})
    return upstream


@pytest.fixture
def ws(workspace: Path, app: Upstream, twin: Upstream, hybrid: Hybrid, beginning: Beginning) -> Path:
    def make() -> None:
        hybrid("init")
        for upstream in (app, twin):
            hybrid("add", upstream.url)
        replace(workspace / "sources.toml", 'branch = "main"\n', 'branch = "main"\nlfs = "fetch"\nsubmodules = true\n')
        hybrid("pin")
        hybrid("sync")

    beginning(workspace, make)
    return workspace


@pytest.fixture
def bundle(ws: Path, hybrid: Hybrid, site_folder: Path, beginning: Beginning) -> Path:
    folder = site_folder / "out"
    folder.mkdir()
    beginning(folder, lambda: hybrid("bundle", "create", "-o", folder / "out.bundle"))
    return folder / "out.bundle"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A folder in the other network."""
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


def _names(bundle: Path) -> list[str]:
    with tarfile.open(bundle) as tar:
        return [name for name in tar.getnames() if name.startswith(("lfs/", "submodules/"))]


def _is_whole(folder: Path, ws: Path, lib: Upstream) -> None:
    clone = folder / "sources/app"
    assert (clone / "a.bin").read_bytes() == (folder / "sources/twin/b.bin").read_bytes() == FIRST
    assert [(clone / place / "lib.txt").read_text() for place in ("in/lib", "in/mid/in/lib")] == ["one\n", "one\n"]
    assert git("config", "remote.origin.url", cwd=clone / "in/mid/in/lib") == lib.url
    assert git("submodule", "status", cwd=clone) == git("submodule", "status", cwd=ws / "sources/app")
    assert git("status", "--porcelain", "--ignore-submodules=none", cwd=clone) == ""


def test_all_of_it_crosses_in_one_file_where_there_is_no_network(
    ws: Path, bundle: Path, lib: Upstream, there: Path, hybrid: Hybrid
) -> None:
    mid = parse_oid(git("rev-parse", "HEAD", cwd=ws / "sources/app/in/mid"))
    urls = {lib.url: parse_oid(lib.rev("main")), lib.url.replace("lib.git", "mid.git"): mid}
    keys = sorted(key_of_submodule(parse_url(url), commit) for url, commit in urls.items())
    for name in ("app", "mid", "lib", "twin"):
        shutil.rmtree(lib.path.with_name(f"{name}.git"))
    # What both sources have is in it once.
    assert _names(bundle) == [f"lfs/{_sha256(FIRST)}", *(f"{key}/history.bundle" for key in keys)]
    for words in (("bundle", "verify", bundle), ("bundle", "apply", bundle)):
        done = offline(*words, cwd=there)
        assert done.returncode == 0, done.stderr
        assert "not carried" not in done.stdout
    _is_whole(there, ws, lib)
    kept = [*there.rglob("lfs/objects/??/??/*")]
    assert len(kept) == 2
    assert {path.stat().st_nlink for path in kept} == {1}
    assert not (there / "sources/.incoming").exists()
    for words in (("sync", "--offline"), ("check", "sources", "--content"), ("status", "--exit-code"), ("diag",)):
        done = offline(*words, cwd=there)
        assert done.returncode == 0, done.stdout + done.stderr
    before = snapshot(there)
    hybrid("bundle", "apply", bundle, cwd=there)
    assert snapshot(there) == before


def test_the_same_input_is_the_same_bytes(ws: Path, bundle: Path, hybrid: Hybrid, tmp_path: Path) -> None:
    before, again = snapshot(ws), tmp_path / "again"
    hybrid("bundle", "create", "-o", again)
    assert again.read_bytes() == bundle.read_bytes()
    assert snapshot(ws) == before
    # What is not in the clones, or damaged there, is fetched as sync would fetch it.
    git("gc", "-q", cwd=ws / "sources/app/in/lib")
    shutil.rmtree(ws / "sources/app/in/mid/in/lib")
    sha256 = _sha256(FIRST)
    place = ws / "sources/app/.git/lfs/objects" / sha256[:2] / sha256[2:4] / sha256
    place.unlink()
    place.write_bytes(FORGED)
    shutil.rmtree(ws / "sources/twin")
    hybrid("bundle", "create", "-o", again)
    assert again.read_bytes() == bundle.read_bytes()
    assert place.read_bytes() == FORGED
    for name in ("app", "lib", "mid", "twin"):
        shutil.rmtree(ws / f"sources/{name}", ignore_errors=True)
    assert set(errors(hybrid("bundle", "create", "-o", again, "--json", env={"GIT_HYBRID_OFFLINE": "1"}, check=4)))


def test_a_workspace_without_such_writes_what_older_programs_read(
    ws: Path, hybrid: Hybrid, there: Path, tmp_path: Path
) -> None:
    for word in ('lfs = "fetch"\n', "submodules = true\n"):
        replace(ws / "sources.toml", word, "")
    hybrid("pin")
    hybrid("bundle", "create", "-o", tmp_path / "b")
    with tarfile.open(tmp_path / "b") as tar:
        file = tar.extractfile("inventory.json")
        assert file is not None
        document = json.load(file)
    assert (document["schema_version"], "submodules" in document) == (1, False)
    hybrid("bundle", "apply", tmp_path / "b", "--receipt", tmp_path / "r", cwd=there)
    assert json.loads((tmp_path / "r").read_text())["schema_version"] == 1


def test_a_bundle_of_before_is_taken_and_what_it_lacks_is_told(
    ws: Path, bundle: Path, there: Path, hybrid: Hybrid
) -> None:
    rebuilt(bundle, of_the_first_form)
    told = hybrid("bundle", "verify", bundle, cwd=there).out
    assert "its submodules are not carried: serve them by a mirror" in told
    assert "its LFS content is not carried: serve it by a mirror" in told
    done = hybrid("bundle", "apply", bundle, "--json", cwd=there, check=4)
    assert errors(done) == {"app": "not-carried", "twin": "not-carried"}
    hybrid("resume", cwd=there)
    assert (there / "sources/twin/in/lib/.git").is_dir()


def test_the_next_bundle_leaves_out_what_the_receipt_has(
    ws: Path, bundle: Path, app: Upstream, lib: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("bundle", "apply", bundle, cwd=there)
    receipt, small = f"{bundle}.receipt.json", tmp_path / "small"
    hybrid("bundle", "create", "-o", small, "--since", receipt)
    assert _names(small) == []
    assert offline("bundle", "apply", small, cwd=there).returncode == 0
    lib.commit({"lib.txt": "two\n"})
    app.commit({"in/lib": Gitlink(lib.rev("main")), "c.bin": _keep(app, SECOND)})
    hybrid("pin", "app")
    hybrid("bundle", "create", "-o", small, "--since", receipt)
    key = key_of_submodule(parse_url(lib.url), parse_oid(lib.rev("main")))
    assert _names(small) == [f"lfs/{_sha256(SECOND)}", f"{key}/history.bundle"]
    # What it builds on is proved in the clones here, and is not to be had in an empty folder.
    empty = tmp_path / "empty"
    empty.mkdir()
    assert set(errors(hybrid("bundle", "verify", small, "--json", cwd=empty, check=5)).values()) == {
        "bundle-prerequisites"
    }
    spare = tmp_path / "spare"
    shutil.copytree(there, spare, symlinks=True)
    sha256 = _sha256(FIRST)
    place = spare / "sources/app/.git/lfs/objects" / sha256[:2] / sha256[2:4] / sha256
    place.chmod(0o644)
    place.write_bytes(FORGED)
    failed = hybrid("bundle", "verify", small, cwd=spare, check=5).err
    assert f"app: the bundle builds on what is not here: the LFS content {sha256}" in failed
    place.write_bytes(FIRST)
    shutil.rmtree(spare / "sources/app/in/mid")
    failed = hybrid("bundle", "verify", small, cwd=spare, check=5).err
    assert f"of {lib.url.replace('lib.git', 'mid.git')}\n" in failed
    for command in ("verify", "apply"):
        done = offline("bundle", command, small, cwd=there)
        assert done.returncode == 0, done.stderr
    clone = there / "sources/app"
    assert (clone / "in/lib/lib.txt").read_text() == "two\n"
    assert (clone / "in/mid/in/lib/lib.txt").read_text() == "one\n"
    assert [(clone / name).read_bytes() for name in ("a.bin", "c.bin")] == [FIRST, SECOND]
    assert offline("check", "sources", "--content", cwd=there).returncode == 0


def test_a_colleague_takes_it_from_a_folder_of_bundles(
    ws: Path, bundle: Path, lib: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("bundle", "apply", bundle, cwd=there)
    other = tmp_path / "other"
    shutil.copytree(there, other, ignore=shutil.ignore_patterns("sources"))
    env = {"GIT_HYBRID_BUNDLE_DIR": str(bundle.parent), "GIT_HYBRID_CACHE_DIR": str(tmp_path / "cache")}
    hybrid("sync", "--offline", cwd=other, env=env)
    _is_whole(other, ws, lib)
    assert not (other / "sources/.incoming").exists()


def test_policy_of_this_side_judges_where_submodules_come_from_and_how_large_they_are(
    ws: Path, bundle: Path, app: Upstream, there: Path, hybrid: Hybrid
) -> None:
    hybrid("init", cwd=there)
    replace(there / "sources.toml", "[policy]", "[policy]\nmax_bytes = 4000")
    before = snapshot(there)
    told = hybrid("bundle", "apply", bundle, cwd=there, check=5).err
    assert "with their Git LFS content ([policy] max_bytes)" in told
    replace(there / "sources.toml", "max_bytes = 4000", "max_entries = 8")
    assert (
        "the submodules have more than 8 entries together" in hybrid("bundle", "apply", bundle, cwd=there, check=5).err
    )
    replace(there / "sources.toml", "max_entries = 8", "max_bytes = 4000")
    assert snapshot(there) == before


def test_local_work_is_left_alone_and_what_came_is_kept(
    ws: Path, bundle: Path, app: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("bundle", "apply", bundle, cwd=there)
    app.commit({"c.bin": _keep(app, SECOND)})
    hybrid("pin", "app")
    hybrid("bundle", "create", "-o", tmp_path / "next")
    (there / "sources/app/mine").write_text("x")
    hybrid("bundle", "apply", tmp_path / "next", cwd=there, check=3)
    assert offline("reset", "app", cwd=there).returncode == 0
    assert (there / "sources/app/c.bin").read_bytes() == SECOND


def _listed(inventory: Any, members: dict[str, bytes], name: str, data: bytes) -> None:
    members[name] = data
    inventory["members"].append({"path": name, "size": 0, "sha256": ""})
    inventory["members"].sort(key=lambda item: item["path"])


def _dropped(inventory: Any, members: dict[str, bytes], name: str) -> None:
    del members[name]
    inventory["members"] = [item for item in inventory["members"] if item["path"] != name]


def _content(members: dict[str, bytes]) -> str:
    return next(name for name in members if name.startswith("lfs/"))


def _history(inventory: Any, members: dict[str, bytes], repository: str) -> str:
    entry = next(item for item in inventory["submodules"] if item["url"].endswith(f"/{repository}.git"))
    return key_of_submodule(parse_url(entry["url"]), parse_oid(entry["commit"])) + "/history.bundle"


def _other_content(inventory: Any, members: dict[str, bytes]) -> None:
    members[_content(members)] = FORGED


def _shorter_content(inventory: Any, members: dict[str, bytes]) -> None:
    members[_content(members)] = FIRST[:-1]


def _content_of_nothing(inventory: Any, members: dict[str, bytes]) -> None:
    _listed(inventory, members, f"lfs/{_sha256(FORGED)}", FORGED)


def _no_content(inventory: Any, members: dict[str, bytes]) -> None:
    _dropped(inventory, members, _content(members))


def _content_twice(inventory: Any, members: dict[str, bytes]) -> None:
    inventory["members"].append(next(item for item in inventory["members"] if item["path"].startswith("lfs/")))
    inventory["members"].sort(key=lambda item: item["path"])


def _content_elsewhere(inventory: Any, members: dict[str, bytes]) -> None:
    _listed(inventory, members, f"lfs/../lfs/{_sha256(FORGED)}", FORGED)


def _content_in_capitals(inventory: Any, members: dict[str, bytes]) -> None:
    _listed(inventory, members, f"lfs/{_sha256(FORGED).upper()}", FORGED)


def _submodules_swapped(inventory: Any, members: dict[str, bytes]) -> None:
    one, two = (_history(inventory, members, name) for name in ("lib", "mid"))
    members[one], members[two] = members[two], members[one]


def _submodule_of_nothing(inventory: Any, members: dict[str, bytes]) -> None:
    name, url, commit = _history(inventory, members, "lib"), "https://example.org/x.git", "1" * 40
    inventory["submodules"].append({"url": url, "commit": commit})
    inventory["submodules"].sort(key=lambda item: key_of_submodule(parse_url(item["url"]), parse_oid(item["commit"])))
    key = key_of_submodule(parse_url(url), parse_oid(commit))
    _listed(inventory, members, f"{key}/history.bundle", members[name])


def _submodule_missing(inventory: Any, members: dict[str, bytes]) -> None:
    _dropped(inventory, members, _history(inventory, members, "lib"))
    inventory["submodules"] = [item for item in inventory["submodules"] if not item["url"].endswith("/lib.git")]


def _submodule_not_told(inventory: Any, members: dict[str, bytes]) -> None:
    inventory["submodules"] = inventory["submodules"][1:]


def _submodules_in_another_order(inventory: Any, members: dict[str, bytes]) -> None:
    inventory["submodules"].reverse()


def _submodule_at_a_bad_url(inventory: Any, members: dict[str, bytes]) -> None:
    inventory["submodules"][0]["url"] = "ext::sh -c x"


def _submodule_with_another_ref(inventory: Any, members: dict[str, bytes]) -> None:
    name = _history(inventory, members, "lib")
    members[name] = members[name].replace(b"hybrid-submodule", b"hybrid-sabmodule", 1)


def _submodule_that_builds_on_another(inventory: Any, members: dict[str, bytes]) -> None:
    name = _history(inventory, members, "lib")
    head, _, rest = members[name].partition(b"\n")
    members[name] = head + b"\n-" + b"1" * 40 + b" x\n" + rest


def _submodule_with_a_damaged_pack(inventory: Any, members: dict[str, bytes]) -> None:
    name = _history(inventory, members, "lib")
    data = bytearray(members[name])
    data[-30] ^= 0xFF
    members[name] = bytes(data)


def _submodule_that_is_none(inventory: Any, members: dict[str, bytes]) -> None:
    members[_history(inventory, members, "lib")] = b"x" * 100


def _of_the_older_form(inventory: Any, members: dict[str, bytes]) -> None:
    inventory["schema_version"] = 1


def _without_its_list(inventory: Any, members: dict[str, bytes]) -> None:
    del inventory["submodules"]


@pytest.mark.parametrize(
    "change",
    [
        _other_content,
        _shorter_content,
        _content_of_nothing,
        _no_content,
        _content_twice,
        _content_elsewhere,
        _content_in_capitals,
        _submodules_swapped,
        _submodule_of_nothing,
        _submodule_missing,
        _submodule_not_told,
        _submodules_in_another_order,
        _submodule_at_a_bad_url,
        _submodule_with_another_ref,
        _submodule_that_builds_on_another,
        _submodule_with_a_damaged_pack,
        _submodule_that_is_none,
        _of_the_older_form,
        _without_its_list,
    ],
)
def test_a_forged_inside_is_refused(
    bundle: Path, there: Path, hybrid: Hybrid, change: Callable[[Any, dict[str, bytes]], None]
) -> None:
    rebuilt(bundle, change)
    told = hybrid("bundle", "verify", bundle, cwd=there, check=5).err
    assert ".incoming" not in told
    assert "Traceback" not in told
    hybrid("bundle", "apply", bundle, cwd=there, check=5)
    assert list(there.iterdir()) == []


def test_a_newer_form_is_named(bundle: Path, there: Path, hybrid: Hybrid) -> None:
    def change(inventory: Any, _members: dict[str, bytes]) -> None:
        inventory["schema_version"] = 3

    rebuilt(bundle, change)
    assert "(inventory.json) was written by a newer" in hybrid("bundle", "verify", bundle, cwd=there, check=2).err


def test_a_pointer_that_lies_about_the_size_makes_no_bundle(
    ws: Path, app: Upstream, hybrid: Hybrid, tmp_path: Path
) -> None:
    app.commit({"a.bin": _keep(app, FIRST).replace(f"size {len(FIRST)}", "size 7")})
    hybrid("pin", "app")
    done = hybrid("bundle", "create", "-o", tmp_path / "b", "--json", check=4)
    assert errors(done) == {"app": "lfs-missing"}
    assert not (tmp_path / "b").exists()


def test_whoever_has_it_makes_the_same_of_it_there(
    ws: Path, bundle: Path, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("bundle", "apply", bundle, cwd=there)
    assert offline("bundle", "create", "-o", tmp_path / "made", cwd=there).returncode == 0
    with tarfile.open(bundle) as first, tarfile.open(tmp_path / "made") as second:
        for name in _names(bundle):
            pair = [tar.extractfile(name) for tar in (first, second)]
            assert len({file.read() for file in pair if file is not None}) == 1
    assert _names(tmp_path / "made") == _names(bundle)


def test_a_submodule_that_moved_waits_for_the_bundle_behind_local_work(
    ws: Path, bundle: Path, app: Upstream, lib: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("bundle", "apply", bundle, cwd=there)
    lib.commit({"lib.txt": "two\n"})
    app.commit({"in/lib": Gitlink(lib.rev("main"))})
    hybrid("pin", "app")
    folder = tmp_path / "folder"
    folder.mkdir()
    hybrid("bundle", "create", "-o", folder / "next", "--since", f"{bundle}.receipt.json")
    (there / "sources/app/mine").write_text("x")
    hybrid("bundle", "apply", folder / "next", cwd=there, check=3)
    told = hybrid("reset", "app", cwd=there, env={"GIT_HYBRID_OFFLINE": "1"}, check=4).err
    with_it = {"GIT_HYBRID_BUNDLE_DIR": str(folder)}
    assert (
        "or with the folder of a bundle that has it in GIT_HYBRID_BUNDLE_DIR: git hybrid sync app --offline\n" in told
    )
    hybrid("sync", "app", "--offline", cwd=there, env=with_it)
    assert (there / "sources/app/in/lib/lib.txt").read_text() == "two\n"


def test_without_git_lfs_it_is_told_that_it_is_needed(
    bundle: Path, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    shim = tmp_path / "bin/git"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\ncase $* in *"lfs version") exit 1;; esac\nexec {shutil.which("git")} "$@"\n')
    shim.chmod(0o755)
    env = {"PATH": f"{shim.parent}:{os.environ['PATH']}"}
    done = hybrid("bundle", "apply", bundle, "--json", cwd=there, env=env, check=None)
    assert errors(done) == {"app": "tool-too-old", "twin": "tool-too-old"}


def test_a_host_that_policy_of_this_side_does_not_have_is_refused(
    workspace: Path,
    upstream_factory: UpstreamFactory,
    lib: Upstream,
    https_server: HttpsGitServer,
    there: Path,
    hybrid: Hybrid,
    tmp_path: Path,
) -> None:
    url, outer, env = https_server.url("lib.git"), upstream_factory("outer"), https_server.env()
    outer.commit({".gitmodules": _modules(lib=url), "in/lib": Gitlink(lib.rev("main"))})
    hybrid("init")
    hybrid("add", outer.url)
    replace(workspace / "sources.toml", 'branch = "main"\n', 'branch = "main"\nsubmodules = true\n')
    hybrid("pin", env=env)
    hybrid("bundle", "create", "-o", tmp_path / "b", env=env)
    hybrid("init", cwd=there)
    replace(there / "sources.toml", "[policy]", '[policy]\nhosts = ["example.org"]')
    before = snapshot(there)
    done = hybrid("bundle", "apply", tmp_path / "b", "--json", cwd=there, check=6)
    assert errors(done) == {"outer": "host-not-allowed"}
    assert snapshot(there) == before
    replace(there / "sources.toml", 'hosts = ["example.org"]', 'hosts = ["localhost"]')
    assert offline("bundle", "apply", tmp_path / "b", cwd=there).returncode == 0
    assert git("config", "remote.origin.url", cwd=there / "sources/outer/in/lib") == url


@pytest.mark.parametrize(
    ("limit", "most", "told"),
    [
        ("app.bundle_inside.DEPTH_LIMIT", 1, "submodules: nested too deeply"),
        ("app.submodules.NUMBER_LIMIT", 2, "submodules: more than 2 submodules, nested ones included"),
    ],
)
def test_the_limits_of_submodules_are_those_of_sync(
    bundle: Path,
    there: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    limit: str,
    most: int,
    told: str,
) -> None:
    monkeypatch.setattr(f"git_hybrid.{limit}", most)
    assert main(["-C", str(there), "bundle", "verify", str(bundle)]) == 5
    assert told in capfd.readouterr().err


@pytest.mark.parametrize("history", ["shallow", "treeless"])
def test_every_history_mode_crosses_with_what_is_inside(
    ws: Path, app: Upstream, lib: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path, history: str
) -> None:
    app.commit({"later": "x\n"})
    replace(ws / "sources.toml", "[defaults]", f'[defaults]\nhistory = "{history}"')
    hybrid("pin")
    for name in ("app", "twin"):
        shutil.rmtree(ws / "sources" / name)
    hybrid("sync")
    first, second = tmp_path / "first", tmp_path / "second"
    hybrid("bundle", "create", "-o", first)
    assert offline("bundle", "apply", first, cwd=there).returncode == 0
    _is_whole(there, ws, lib)
    app.commit({"c.bin": _keep(app, SECOND)})
    hybrid("pin", "app")
    hybrid("bundle", "create", "-o", second, "--since", f"{first}.receipt.json")
    assert _names(second) == [f"lfs/{_sha256(SECOND)}"]
    done = offline("bundle", "apply", second, cwd=there)
    assert done.returncode == 0, done.stderr
    assert (there / "sources/app/c.bin").read_bytes() == SECOND


def test_any_path_and_either_format_of_objects(
    workspace: Path, upstream_factory: UpstreamFactory, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    wide, outer = upstream_factory("wide", object_format="sha256"), upstream_factory("outer", object_format="sha256")
    path = os.fsdecode(b"l\xe9b")
    wide.commit({"lib.txt": "one\n"})
    modules = f'[submodule "x"]\n\tpath = {path}\n\turl = ../wide.git\n'
    outer.commit({".gitmodules": os.fsencode(modules), path: Gitlink(wide.rev("main"))})
    hybrid("init")
    hybrid("add", outer.url)
    replace(workspace / "sources.toml", 'branch = "main"\n', 'branch = "main"\nsubmodules = true\n')
    hybrid("pin")
    # No clone is needed.
    hybrid("bundle", "create", "-o", tmp_path / "b")
    assert offline("bundle", "apply", tmp_path / "b", cwd=there).returncode == 0
    assert (there / f"sources/outer/{path}/lib.txt").read_text() == "one\n"
    hybrid("bundle", "create", "-o", tmp_path / "b2", "--since", tmp_path / "b.receipt.json")
    assert _names(tmp_path / "b2") == []
    assert offline("bundle", "verify", tmp_path / "b2", cwd=there).returncode == 0


def test_a_part_of_a_file_in_the_folder_that_was_changed_is_refused(
    ws: Path, bundle: Path, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("bundle", "apply", bundle, cwd=there)
    env = {"GIT_HYBRID_BUNDLE_DIR": str(bundle.parent), "GIT_HYBRID_CACHE_DIR": str(tmp_path / "cache")}
    whole = bundle.read_bytes()
    with tarfile.open(bundle) as tar:
        places = [(name, tar.getmember(name).offset_data) for name in _names(bundle)]
    for name, start in places:
        data = bytearray(whole)
        data[start + 60] ^= 0xFF
        bundle.write_bytes(data)
        other = tmp_path / name.replace("/", "-")
        shutil.copytree(there, other, ignore=shutil.ignore_patterns("sources"))
        told = hybrid("sync", "--offline", cwd=other, env=env, check=5).err
        assert f"{bundle}: {name}: is not what the inventory says: its SHA-256 differs" in told
        assert not (other / "sources/app").exists()


@pytest.mark.parametrize(("files", "told"), [({"out": Link("../../../../x")}, "out"), ({"a": "1", "A": "2"}, "case")])
def test_a_tree_that_may_not_be_checked_out_is_found_inside_too(
    workspace: Path,
    upstream_factory: UpstreamFactory,
    there: Path,
    hybrid: Hybrid,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str | Link],
    told: str,
) -> None:
    lib, outer = upstream_factory("lib"), upstream_factory("outer")
    lib.commit(files)
    outer.commit({".gitmodules": _modules(lib="../lib.git"), "in/lib": Gitlink(lib.rev("main"))})
    hybrid("init")
    hybrid("add", outer.url)
    replace(workspace / "sources.toml", 'branch = "main"\n', 'branch = "main"\nsubmodules = true\n')
    hybrid("pin")
    hybrid("bundle", "create", "-o", tmp_path / "b", check=5)
    # Whoever makes a file need not look.
    with monkeypatch.context() as patched:
        nothing = "", Tree(entries=(), notes=())
        patched.setattr("git_hybrid.app.bundle_inside.gate_content", lambda *_: nothing)
        assert main(["-C", str(workspace), "bundle", "create", "-o", str(tmp_path / "b")]) == 0
    done = hybrid("bundle", "verify", tmp_path / "b", "--json", cwd=there, check=5)
    assert errors(done) == {"outer": "hostile-tree"}
    assert told in json.dumps(done.json()["sources"][0]["error"])
    hybrid("bundle", "apply", tmp_path / "b", cwd=there, check=5)
    assert list(there.iterdir()) == []


def test_what_stands_at_one_place_is_carried_for_another(
    ws: Path, bundle: Path, app: Upstream, lib: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("bundle", "apply", bundle, cwd=there)
    modules = _modules(lib="../lib.git", mid="../mid.git", more="../lib.git")
    app.commit({".gitmodules": modules, "in/more": Gitlink(lib.rev("main"))})
    hybrid("pin", "app")
    hybrid("bundle", "create", "-o", tmp_path / "b", "--since", f"{bundle}.receipt.json")
    key = key_of_submodule(parse_url(lib.url), parse_oid(lib.rev("main")))
    assert _names(tmp_path / "b") == [f"{key}/history.bundle"]
    shutil.copy(tmp_path / "b", tmp_path / "whole")
    rebuilt(tmp_path / "b", _submodule_missing)
    assert errors(hybrid("bundle", "apply", tmp_path / "b", "--json", cwd=there, check=5)) == {
        "app": "bundle-prerequisites"
    }
    assert offline("bundle", "apply", tmp_path / "whole", cwd=there).returncode == 0
    assert (there / "sources/app/in/more/lib.txt").read_text() == "one\n"
