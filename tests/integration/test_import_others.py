"""`git hybrid init --import` of what vcstool, west, repo and vendir keep."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from support.cli import Hybrid
from support.kit import changes, git, lock, manifest, outcomes, released, replace, snapshot
from support.points import stopped_at
from support.upstream import Upstream, UpstreamFactory

REPOS = """\
repositories:
  src/lib/tool:
    type: git
    url: {url}
    version: {first}
  src/tagged:
    type: git
    url: {url}
    version: v1.0.0
  rel:
    type: git
    url: {url}
    version: rel
  old:
    type: svn
    url: https://svn.example.org/old
"""
WEST = """\
manifest:
  version: "1.0"
  defaults:
    remote: up
  remotes:
    - name: up
      url-base: {base}
  projects:
    - name: tool
      repo-path: {name}
      path: src/lib/hal
      revision: {first}
      clone-depth: 1
      groups:
        - hal
    - name: tagged
      url: {url}
      path: src/tagged
      revision: v1.0.0
    - name: rel
      url: {url}
      revision: rel
  self:
    path: app
"""
REPO = """\
<?xml version="1.0" encoding="UTF-8"?>
<manifest>
  <remote name="up" fetch="{base}" review="https://review.example.org/"/>
  <default remote="up" revision="refs/heads/rel" sync-j="4"/>

  <project name="{name}" path="src/lib/tool" revision="{first}" upstream="gone" groups="pdk,notdefault"/>
  <project name="{name}" path="src/tagged" revision="refs/tags/v1.0.0"/>
  <project name="{name}" path="rel" clone-depth="1">
    <linkfile src="README" dest="README"/>
  </project>
</manifest>
"""
VENDIR = """\
apiVersion: vendir.k14s.io/v1alpha1
kind: Config
directories:
- path: src
  contents:
  - path: lib/tool
    git:
      url: {url}
      ref: origin/main
    includePaths:
    - dir/**/*
  - path: tagged
    git:
      url: {url}
      ref: v1.0.0 #! a tag
  - path: chart
    helmChart:
      name: contour
"""
LOCK = """\
apiVersion: vendir.k14s.io/v1alpha1
directories:
- contents:
  - git:
      commitTitle: 'first: one'
      sha: {first}
    path: lib/tool
  - git:
      commitTitle: first
      sha: {first}
      tags:
      - v1.0.0
    path: tagged
  - helmChart:
      appVersion: 1.20.1
      version: 7.10.1
    path: chart
  path: src
kind: LockConfig
"""
FILES = {"my.repos": REPOS, "west.yml": WEST, "pinned.xml": REPO, "vendir.yml": VENDIR, "vendir.lock.yml": LOCK}


@pytest.fixture
def upstream(upstream_factory: UpstreamFactory) -> Upstream:
    made = upstream_factory()
    released(made)
    made.update_ref("refs/heads/rel", made.rev("main~1"))
    return made


@pytest.fixture
def files(workspace: Path, upstream: Upstream) -> dict[str, str]:
    """Write the files of each tool, and return what they are made of."""
    base, _, name = upstream.url.rpartition("/")
    made = {"url": upstream.url, "base": base, "name": name, "first": upstream.rev("main~2")}
    for file, text in FILES.items():
        (workspace / file).write_text(text.format(**made))
    return made


@pytest.mark.parametrize("file", ["my.repos", "west.yml", "pinned.xml", "vendir.yml"])
def test_what_another_tool_pins_is_pinned(
    hybrid: Hybrid, workspace: Path, upstream: Upstream, files: dict[str, str], file: str
) -> None:
    rows = {row["name"]: row for row in hybrid("init", "ws", "--import", file, "--json").json()["sources"]}
    pins, sources = lock(workspace / "ws"), manifest(workspace / "ws")
    assert {name: (pin["commit"], pin["ref"]) for name, pin in pins.items() if name != "rel"} == {
        "tool": (files["first"], "refs/heads/main"),
        "tagged": (files["first"], "refs/tags/v1.0.0"),
    }
    assert sources["tagged"]["tag"] == "v1.0.0"
    assert rows["tagged"]["detail"] == {"path": "src/tagged"}
    groups = {"west.yml": ["hal", "imported"], "pinned.xml": ["imported", "pdk"]}
    assert sources["tool"]["groups"] == groups.get(file, ["imported"])
    shallow = {"west.yml": {"tool"}, "pinned.xml": {"rel"}}.get(file, set())
    assert {name for name, source in sources.items() if "history" in source} == shallow
    if file != "vendir.yml":
        assert (pins["rel"]["commit"], sources["rel"]["branch"]) == (upstream.rev("rel"), "rel")
        assert "detail" not in rows["rel"]
    hybrid("sync", cwd=workspace / "ws")
    assert git("rev-parse", "HEAD", cwd=workspace / "ws/sources/tool") == files["first"]


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("my.repos", ["not taken over: old, no git repository but svn (line 14)", "tagged, rel; vcs export --exact"]),
        ("west.yml", ["not taken over: self, the repository of the manifest (line 23)", "; west manifest --freeze "]),
        ("pinned.xml", ["it followed gone, on which upstream does not", "put files of it elsewhere (linkfile)"]),
        ("vendir.yml", ["src/chart, no git repository but helmChart (line 16)", "a part of it (includePaths)"]),
    ],
)
def test_what_is_not_as_it_was_is_told(
    hybrid: Hybrid, workspace: Path, files: dict[str, str], file: str, told: list[str]
) -> None:
    done = hybrid("init", "ws", "--import", file)
    assert [text for text in told if text not in done.out + done.err] == []
    assert done.err.splitlines()[-1] == "hint: git hybrid -C ws sync"


@pytest.mark.parametrize(
    ("file", "old", "new", "cause"),
    [
        ("my.repos", "src/tagged", "../tagged", "line 6 (../tagged): its path ../tagged is not below the folder"),
        ("my.repos", "src/tagged:", "src/lib/tool:", "line 6: has src/lib/tool again, as line 2 has it"),
        ("my.repos", "v1.0.0", "--upload-pack=x", "line 6 (src/tagged): is not a valid git ref name"),
        ("west.yml", "path: src/tagged", "path: rel", "line 20 (rel): its path rel is that of line 16 too"),
        ("west.yml", "version: ", "version: !!python/name:os ", "line 2: has a tag (tag:yaml.org,2002:python/name:os)"),
        ("pinned.xml", "<manifest>", "<!DOCTYPE x><manifest>", "line 2: has a DOCTYPE"),
        ("pinned.xml", "  <default", '<include name="rel.xml"/><default', "line 4: <include> is not followed"),
        ("pinned.xml", 'fetch="{base}"', 'fetch=".."', "line 3 (up): its fetch is relative, "),
        ("vendir.yml", "path: tagged", "path: other", "line 12 (src/other): no vendir.lock.yml names a commit for it"),
        ("vendir.lock.yml", "  - git", "  - x: *y\n    git", "line 4: has an alias (*)"),
    ],
)
def test_an_entry_that_is_wrong_is_told_with_its_place_and_nothing_is_made(
    hybrid: Hybrid, workspace: Path, files: dict[str, str], file: str, old: str, new: str, cause: str
) -> None:
    text = (workspace / file).read_text()
    replace(workspace / file, old.format(**files), new)
    before = snapshot(workspace)
    told = hybrid("init", "ws", "--import", file.replace(".lock", ""), check=2).err
    assert f"cause: {cause}" in told
    assert changes(before, snapshot(workspace)) == []
    (workspace / file).write_text(text)
    hint = told.splitlines()[-1]
    assert hint.startswith(f"hint: mend {workspace}/{file}, then: git hybrid init ")
    hybrid(*shlex.split(hint.partition("git hybrid ")[2]))


@pytest.mark.parametrize(("file", "count"), [("my.repos", 3), ("west.yml", 3), ("pinned.xml", 1), ("vendir.yml", 2)])
def test_every_url_that_is_refused_is_told(
    hybrid: Hybrid, workspace: Path, files: dict[str, str], file: str, count: int
) -> None:
    text = (workspace / file).read_text().replace("file://", "git://me:c4n4ry@h")
    (workspace / file).write_text(text)
    told = hybrid("init", "--import", file, check=2).err
    assert told.count(": only https://, ssh:// and file:/// URLs are allowed") == count
    assert "c4n4ry" not in told
    assert not (workspace / "sources.toml").exists()


def test_a_branch_that_upstream_lost_is_told_with_what_there_is(
    hybrid: Hybrid, workspace: Path, upstream: Upstream, files: dict[str, str]
) -> None:
    replace(workspace / "my.repos", "version: rel", "version: gone")
    before = snapshot(workspace)
    failed = hybrid("init", "--import", "my.repos", check=5)
    assert "error: rel: upstream has no refs/heads/gone\n" in failed.err
    assert (
        f"hint: name another commit, branch or tag of it in {workspace}/my.repos, or take it out of that\n"
        in failed.err
    )
    assert failed.err.splitlines()[-1] == "hint: git hybrid init --import my.repos"
    assert sorted(outcomes(hybrid("init", "--import", "my.repos", "--json", check=5)).values()) == [
        *("failed", "not-added", "not-added"),
    ]
    replace(workspace / "my.repos", "version: gone", f"version: {'0' * 10}")
    told = hybrid("init", "--import", "my.repos", check=5).err
    assert (
        "error: rel: upstream has no branch or tag 0000000000, and to be a commit it has to be the whole id\n" in told
    )
    assert "hint: to have the whole ids in it: vcs export --exact\n" in told
    assert "the default branch" not in told
    replace(workspace / "my.repos", f"version: {'0' * 10}", f"version: {'0' * 40}")
    assert f"in {workspace}/my.repos, or" in hybrid("init", "--import", "my.repos", check=5).err
    assert changes(before, snapshot(workspace)) == ["my.repos"]


def test_a_commit_is_followed_where_upstream_has_no_default_branch(
    hybrid: Hybrid, workspace: Path, upstream: Upstream, files: dict[str, str]
) -> None:
    upstream.git("symbolic-ref", "HEAD", "refs/heads/gone")
    hybrid("init", "ws", "--import", "pinned.xml")
    assert manifest(workspace / "ws")["tool"]["commit"] == files["first"]
    assert "has no usable default branch" in hybrid("-C", "ws", "add", upstream.url, "--name", "x", check=5).err


def test_a_manifest_of_repo_is_relative_to_where_repo_had_it_from(
    hybrid: Hybrid, workspace: Path, files: dict[str, str]
) -> None:
    kept = workspace / ".repo/manifests"
    git("init", "-q", kept, cwd=workspace)
    git("remote", "add", "origin", f"{files['base']}/manifest", cwd=kept)
    replace(workspace / "pinned.xml", f'fetch="{files["base"]}"', 'fetch="."')
    hybrid("init", "ws", "--import", "pinned.xml")
    assert manifest(workspace / "ws")["tool"]["url"] == files["url"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("compose.yml", "services: {}\n"),
        ("pom.xml", "<project/>\n"),
        ("package.json", '{"name": "x"}\n'),
        ("list", "- a\n"),
        ("x.repos", ""),
        ("notes", "manifest: x: y"),
    ],
)
def test_a_file_that_nobody_knows_is_refused(hybrid: Hybrid, workspace: Path, name: str, text: str) -> None:
    (workspace / name).write_text(text)
    told = hybrid("init", "--import", name, check=2).err
    known = "none of what can be imported: .gitmodules, a .repos file of vcstool or vcs2l, west.yml, an XML manifest "
    assert (known in told) == (name != "notes")
    assert ("line 1: is not valid YAML" in told) == (name == "notes")
    assert told.count("error: ") == 1
    assert [path.name for path in workspace.iterdir()] == [name]


def test_a_file_is_known_by_what_is_in_it(hybrid: Hybrid, workspace: Path, files: dict[str, str]) -> None:
    for number, file in enumerate(("my.repos", "west.yml", "pinned.xml")):
        (workspace / f"file{number}").write_text((workspace / file).read_text())
        hybrid("init", f"ws{number}", "--import", f"file{number}")
        assert "tool" in lock(workspace / f"ws{number}")
    told = hybrid("init", "ws", "--import", "vendir.lock.yml", check=2).err
    assert "has no URLs: name the vendir.yml beside it" in told


def test_where_there_is_something_to_import_it_is_named(hybrid: Hybrid, workspace: Path, files: dict[str, str]) -> None:
    command = "hint: git hybrid init --import "
    assert f"{command}my.repos\n" in hybrid("init", "my.repos", check=2).err
    assert f"{command}vendir.yml\n" in hybrid("init", "--import", ".", check=2).err
    told = hybrid("init").err
    assert "hint: take what vendir.yml lists over: git hybrid init --import vendir.yml\n" in told
    hybrid("init", "--import", "west.yml")
    assert "tool" in lock(workspace)


def test_what_was_decided_without_a_commit_is_there_when_it_is_typed_again(
    hybrid: Hybrid, workspace: Path, files: dict[str, str]
) -> None:
    (workspace / "sources.toml").write_text("schema_version = 1\n")
    stopped_at("sources.toml", ["init", "--import", "my.repos"], cwd=workspace)
    assert "note: finished writing what run " in hybrid("init", "--import", "my.repos").err
    assert list(lock(workspace)) == ["rel", "tagged", "tool"]


def test_an_import_that_was_killed_before_its_first_record_begins_the_log(
    hybrid: Hybrid, workspace: Path, files: dict[str, str]
) -> None:
    hybrid("init")
    (workspace / "state/sources-audit.jsonl").unlink()
    hybrid("init", "--import", "my.repos")
    assert '"event":"init"' in (workspace / "state/sources-audit.jsonl").read_text().splitlines()[0]
    hybrid("audit", "verify")


def test_what_reads_yaml_is_named_where_it_is_missing(
    hybrid: Hybrid, workspace: Path, tmp_path: Path, files: dict[str, str]
) -> None:
    (tmp_path / "none/yaml").mkdir(parents=True)
    (tmp_path / "none/yaml/__init__.py").write_text("raise ModuleNotFoundError(name='yaml')\n")
    env = {"PYTHONPATH": f"{tmp_path / 'none'}{os.pathsep}", "GIT_HYBRID_TESTS_START": "new"}
    told = hybrid("init", "ws", "--import", "my.repos", check=2, env=env).err
    assert "error: import needs a library that is not installed: no module yaml\n" in told
    assert "cause: install git-hybrid[import] from where git-hybrid came\n" in told
    assert "-m pip install PyYAML\n" in told
    hybrid("init", "ws", "--import", "pinned.xml", env=env)
