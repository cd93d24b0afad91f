"""A first fetch from a folder of this machine: by two programs of git's, checked as ever, and git's own where it differs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from git_hybrid.core.errors import Interrupted, NetworkFailure
from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import Defaults
from git_hybrid.core.ports import FetchRequest, Stage
from git_hybrid.git.nearby import Nearby
from git_hybrid.git.receiving import HAVES, Fetch
from git_hybrid.git.run import Runner
from git_hybrid.git.skeleton import write_skeleton
from git_hybrid.git.transport import GitTransport
from support.kit import commands, git, head, logging_git, released, started
from support.packs import framed, packed
from support.upstream import Upstream, UpstreamFactory

MAIN, KEPT = "refs/heads/main", "refs/hybrid/upstream/heads/main"


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    path = tmp_path / "stage"
    write_skeleton(path / ".git", object_format="sha1")
    return Stage(name=SourceName("tool"), path=str(path))


def only_asked(tool: Upstream) -> Upstream:
    """Give *tool* a setting that git alone knows how to read: what its refs are has to be asked."""
    tool.git("config", "transfer.hideRefs", "!refs/pull")
    return tool


def fake_git(folder: Path, served: str, program: str = "upload-pack") -> dict[str, str]:
    """Put a `git` in *folder* whose *program* is the line of shell *served*; return the environment."""
    real = shutil.which("git")
    folder.mkdir()
    script = folder / "git"
    script.write_text(f'#!/bin/sh\ncase " $* " in *" {program} "*) {served} ;; esac\nexec {real} "$@"\n')
    script.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def replacing(folder: Path) -> str:
    """Return a command that copies what comes at once, with its first argument replaced by the second."""
    script = folder / "replacing.py"
    script.write_text(
        "import os, sys\n"
        "old, new = (word.encode() for word in sys.argv[1:])\n"
        "while data := os.read(0, 1 << 16):\n"
        "    os.write(1, data.replace(old, new))\n"
    )
    return f'{sys.executable} -I "{script}"'


def fetched(
    tool: Upstream, stage: Stage, *, env: dict[str, str] | None = None, ref: str = MAIN, **options: object
) -> bool:
    nearby = Nearby(Runner(environ={**os.environ, **(env or {})}, **options))
    request = FetchRequest(refs=(ref,))
    return nearby.fetch(Fetch(stage=stage, url=tool.url, request=request, defaults=Defaults()))


def untouched(stage: Stage) -> bool:
    packs = list(Path(stage.path, ".git/objects/pack").iterdir())
    return not packs and git("for-each-ref", cwd=stage.path) == ""


@pytest.mark.parametrize(("option", "value"), [("--branch", "main"), ("--tag", "v1.1.0")])
def test_a_source_is_cloned_by_two_programs(hybrid, workspace, tool, tmp_path, option, value):
    started(hybrid, tool.url, option, value, sync=False)
    env, log = logging_git(tmp_path / "bin")
    hybrid("sync", env=env | {"GIT_HYBRID_CACHE_DIR": str(tmp_path / "new-cache")})
    assert sorted(commands(log)) == ["index-pack", "pack-objects"]
    assert any("--strict=" in word for word in log.read_text().split("\037"))
    assert git("fsck", "--full", "--strict", "--no-dangling", cwd=workspace / "sources/tool") == ""
    assert head(workspace) == tool.rev(f"{value}^{{commit}}")
    assert git("for-each-ref", "--format=%(refname)", cwd=workspace / "sources/tool").split() == [
        "refs/hybrid/pin",
        "refs/hybrid/upstream/" + ("heads/main" if value == "main" else "tags/v1.1.0"),
    ]


def test_no_deltas_are_looked_for_where_all_is_one_pack(hybrid, workspace, tool, tmp_path):
    for number in range(20):
        tool.commit({"list": "".join(f"line {line} of {line % 7 * number}\n" for line in range(400))}, f"list {number}")
    env, log = logging_git(tmp_path / "bin")
    started(hybrid, tool.url, "--branch", "main", sync=False)
    log.write_text("")
    sizes = []
    for is_packed in (False, True):
        if is_packed:
            git("repack", "-adq", cwd=tool.path)
        hybrid("sync", env=env | {"GIT_HYBRID_CACHE_DIR": str(tmp_path / f"cache-{is_packed}")})
        assert ("pack.window=0" in log.read_text().split("\037")) is is_packed
        sizes += [path.stat().st_size for path in (workspace / "sources/tool/.git/objects/pack").glob("*.pack")]
        shutil.rmtree(workspace / "sources/tool")
    loose, once = sizes
    assert once < loose * 1.2


def test_upstream_is_asked_for_its_tip_where_the_cache_has_all(hybrid, workspace, tool, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_HYBRID_CACHE_DIR", str(tmp_path / "object-cache"))
    started(hybrid, tool.url, "--branch", "main")
    shutil.rmtree(workspace / "sources/tool")
    env, log = logging_git(tmp_path / "bin")
    hybrid("sync", env=env)
    # It can be read: nobody need be started for it.
    assert commands(log) == []
    assert head(workspace) == tool.rev("main")
    # A setting of which we do not know what git makes of it.
    tool.git("config", "transfer.hideRefs", "!refs/pull")
    shutil.rmtree(workspace / "sources/tool")
    hybrid("sync", env=env)
    assert commands(log) == ["upload-pack"]
    tool.git("config", "--unset", "transfer.hideRefs")
    tool.commit({"README": "more\n"}, "more")
    shutil.rmtree(workspace / "sources/tool")
    log.write_text("")
    hybrid("sync", env=env)
    assert sorted(commands(log)) == ["index-pack", "pack-objects"]
    assert head(workspace) != tool.rev("main")


@pytest.mark.parametrize(
    "setting",
    [
        ("protocol.version", "1"),
        ("fetch.fsck.missingEmail", "error"),
        ("url.file:///nowhere/.insteadOf", "https://nowhere.example/"),
        ("remote.git-hybrid.uploadpack", "git-upload-pack"),
    ],
)
def test_settings_of_the_user_are_git_s_to_obey(tool, stage, tmp_path, monkeypatch, setting):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    git("config", "--global", *setting, cwd=tmp_path)
    assert not fetched(tool, stage)
    assert untouched(stage)


@pytest.mark.parametrize(
    "variables",
    [
        {"GIT_ALLOW_PROTOCOL": "https"},
        {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "a.b", "GIT_CONFIG_VALUE_0": "c"},
        {"GIT_CONFIG_PARAMETERS": "'a.b=c'"},
    ],
)
def test_variables_are_git_s_to_obey(tool, stage, variables):
    assert not fetched(tool, stage, env=variables)
    assert untouched(stage)


def test_what_the_user_allows_is_no_reason_to_leave_it_to_git(tool, stage, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    git("config", "--global", "protocol.file.allow", "always", cwd=tmp_path)
    git("config", "--global", "pack.threads", "1", cwd=tmp_path)
    assert fetched(tool, stage)
    assert git("rev-parse", KEPT, cwd=stage.path).strip() == tool.rev("main")


def test_a_ref_that_is_not_there_is_git_s_to_tell(tool, stage):
    assert not fetched(tool, stage, ref="refs/heads/mai")
    assert not fetched(tool, stage, ref="refs/tags/nothing")
    assert untouched(stage)


def test_a_shallow_server_is_git_s(tool, stage, tmp_path):
    subprocess.run(["git", "clone", "-q", "--bare", "--depth=1", tool.url, tmp_path / "cut.git"], check=True)
    cut = Nearby(Runner(environ=dict(os.environ)))
    url = (tmp_path / "cut.git").as_uri()
    request = FetchRequest(refs=(MAIN,))
    assert not cut.fetch(Fetch(stage=stage, url=url, request=request, defaults=Defaults()))
    assert untouched(stage)


@pytest.mark.parametrize(
    "served",
    [
        "exit 0",
        "echo nonsense; exit 0",
        'REAL "$@" | dd bs=1 count=900 status=none; exit 0',  # the pack is cut in its middle
        'REAL "$@" | FILTER NAK ACK; exit 0',
        'REAL "$@"; exit 3',
    ],
)
def test_a_server_that_fails_leaves_nothing(tool, stage, tmp_path, served):
    only_asked(tool).commit({"noise": os.urandom(5000)})
    line = served.replace("REAL", str(shutil.which("git"))).replace("FILTER", replacing(tmp_path))
    assert not fetched(tool, stage, env=fake_git(tmp_path / "bin", line))
    assert untouched(stage)


WRONG = [
    "exit 0",
    "echo nonsense; exit 0",
    'REAL "$@" | dd bs=1 count=700 status=none; exit 0',  # the pack is cut in its middle
    'REAL "$@" | FILTER PACK PICK; exit 0',
    'REAL "$@"; exit 3',
]
"""What a pack-objects may do instead of its work."""


def is_all_there(tool: Upstream, stage: Stage, *, packs: int) -> bool:
    """Tell whether the stage has the history of main, in so many packs, and nothing was left beside them."""
    names = [path.name for path in Path(stage.path, ".git/objects/pack").iterdir()]
    assert [name for name in names if not name.startswith("pack-")] == []
    assert sum(name.endswith(".pack") for name in names) == packs
    assert git("fsck", "--full", "--strict", "--no-dangling", cwd=stage.path) == ""
    assert Path(stage.path, ".git", KEPT).read_text() == f"{tool.rev('main')}\n"
    return git("rev-list", "--count", KEPT, cwd=stage.path) == git("rev-list", "--count", "main", cwd=tool.path)


@pytest.mark.parametrize("served", WRONG)
@pytest.mark.parametrize("before", [False, True])
def test_where_a_pack_does_not_come_upload_pack_is_asked(tool, stage, tmp_path, served, *, before):
    if before:
        has_all_but_what_is_new(tool, stage)
    tool.commit({"noise": os.urandom(5000)})
    line = served.replace("REAL", str(shutil.which("git"))).replace("FILTER", replacing(tmp_path))
    assert fetched(tool, stage, env=fake_git(tmp_path / "bin", line, "pack-objects"))
    assert is_all_there(tool, stage, packs=1 + before)


def test_what_fsck_refuses_leaves_nothing(tool, stage):
    blob = tool.blob(b"x")
    tool.update_ref(MAIN, tool.raw_commit(tool.raw_tree([("100644", blob, b".git")])))
    assert not fetched(tool, stage)
    assert untouched(stage)


def test_a_pack_without_what_was_promised_leaves_nothing(tool, stage, tmp_path, upstream_factory):
    """The server names its main, and sends the whole history of something else."""
    other = upstream_factory("other")
    other.commit({"f": "other\n"})
    real, tip, sent = shutil.which("git"), tool.rev("main"), other.rev("main")
    turn = replacing(tmp_path)
    served = f'{turn} {tip} {sent} | {real} upload-pack "{other.path}" | {turn} {sent} {tip}; exit 0'
    assert not fetched(only_asked(tool), stage, env=fake_git(tmp_path / "bin", served))
    assert untouched(stage)


@pytest.mark.parametrize("left_out", ["main", "main~1", "main^{tree}", "main:README"])
def test_a_pack_without_one_object_is_not_taken(tool, stage, tmp_path, left_out):
    listed = git("rev-list", "--objects", "main", cwd=tool.path).splitlines()
    sent = "".join(f"{line}\n" for line in listed if not line.startswith(tool.rev(left_out)))
    assert sent.count("\n") == len(listed) - 1
    (tmp_path / "pack").write_bytes(packed(tool, sent))
    done = fetched(tool, stage, env=fake_git(tmp_path / "bin", f'exec cat "{tmp_path}/pack"', "pack-objects"))
    assert done is (left_out != "main")
    assert is_all_there(tool, stage, packs=1) if done else untouched(stage)


def test_a_pack_of_something_else_leaves_nothing(tool, stage, tmp_path, upstream_factory):
    other = upstream_factory("other")
    other.commit({"f": "other\n"})
    (tmp_path / "pack").write_bytes(packed(other, "main\n", "--revs"))
    assert not fetched(tool, stage, env=fake_git(tmp_path / "bin", f'exec cat "{tmp_path}/pack"', "pack-objects"))
    assert untouched(stage)


@pytest.mark.parametrize(
    "setting", [("remote.origin.promisor", "true"), ("remote.origin.partialclonefilter", "blob:none")]
)
def test_an_upstream_that_may_fetch_what_it_lacks_is_asked(tool, stage, tmp_path, setting):
    """git keeps upload-pack from that (GIT_NO_LAZY_FETCH); what is started there could be chosen by its settings."""
    tool.git("config", *setting)
    env, log = logging_git(tmp_path / "bin")
    assert fetched(tool, stage, env=env)
    assert commands(log) == ["upload-pack", "index-pack"]


@pytest.mark.parametrize("key", ["transfer.hideRefs", "uploadpack.hideRefs", "uploadpack.packObjectsHook"])
def test_settings_for_what_is_served_are_obeyed(tool, stage, tmp_path, monkeypatch, key):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    hook = tmp_path / "hook"
    hook.write_text(f'#!/bin/sh\ntouch "{tmp_path}/hooked"\nexec "$@"\n')
    hook.chmod(0o755)
    git("config", "--global", key, hook if "Hook" in key else "refs/nothing", cwd=tmp_path)
    env, log = logging_git(tmp_path / "bin")
    assert fetched(tool, stage, env=env)
    assert commands(log) == ["upload-pack", "index-pack"]
    assert (tmp_path / "hooked").exists() is ("Hook" in key)


def test_a_hidden_ref_does_not_come(tool, stage):
    tool.git("config", "uploadpack.hideRefs", "refs/heads/main")
    assert not fetched(tool, stage)
    assert untouched(stage)


def test_where_the_server_lacks_what_is_here_upload_pack_is_asked(tool, stage, tmp_path):
    has_all_but_what_is_new(tool, stage)
    with Path(stage.path, ".git/packed-refs").open("a") as refs:
        refs.write(f"{'1' * 40} {HAVES}1\n")
    env, log = logging_git(tmp_path / "bin")
    assert fetched(tool, stage, env=env)
    assert "upload-pack" in commands(log)
    Path(stage.path, ".git/packed-refs").unlink()
    assert is_all_there(tool, stage, packs=2)


def test_what_stands_in_a_folder_of_packs_keeps_nobody_waiting(tool, stage):
    has_all_but_what_is_new(tool, stage)
    os.mkfifo(tool.path / "objects/pack" / f"pack-{'0' * 40}.idx")
    before = time.monotonic()
    assert fetched(tool, stage)
    assert time.monotonic() - before < 30


def test_grafts_are_git_s_to_obey(tool, stage, tmp_path):
    (tool.path / "info").mkdir(exist_ok=True)
    (tool.path / "info/grafts").write_text("")
    env, log = logging_git(tmp_path / "bin")
    assert fetched(tool, stage, env=env)
    assert commands(log) == ["upload-pack", "index-pack"]


def test_what_is_left_of_something_pruned_counts_for_nothing(tool, stage, tmp_path):
    """In what is borrowed from stands a commit without its parent; a pack that builds on it is not the whole history."""
    assert fetched(tool, stage)
    base = tool.rev("main")
    clone = tmp_path / "clone"
    shutil.copytree(stage.path, clone)
    for number in range(3):
        tool.commit({"f": f"{number}\n"}, str(number))
    left = tool.rev("main~1")
    for kind, name in (("commit", left), ("tree", f"{left}^{{tree}}"), ("blob", f"{left}:f")):
        data = subprocess.run(["git", "cat-file", kind, name], cwd=tool.path, capture_output=True, check=True).stdout
        write = ["git", "hash-object", "-w", "-t", kind, "--stdin"]
        subprocess.run(write, cwd=clone, input=data, capture_output=True, check=True)
    other = Stage(name=stage.name, path=str(tmp_path / "other"), borrows=True)
    write_skeleton(Path(other.path, ".git"), object_format="sha1")
    Path(other.path, ".git/objects/info/alternates").write_text(f"{clone}/.git/objects\n")
    (tmp_path / "pack").write_bytes(packed(tool, f"main\n^{left}\n", "--revs"))
    env = fake_git(tmp_path / "bin", f'exec cat "{tmp_path}/pack"', "pack-objects")
    assert not fetched(tool, other, env=env)
    assert untouched(other)
    assert fetched(tool, other)
    assert git("rev-list", "--count", f"{base}..{KEPT}", cwd=other.path) == "3"


def test_a_stage_that_has_something_else_is_git_s(tool, stage):
    git("-c", "fetch.unpackLimit=1", "fetch", "-q", str(tool.path), "v1.0.0", cwd=stage.path)
    before = sorted(Path(stage.path, ".git").rglob("*"))
    assert not fetched(tool, stage)
    assert sorted(Path(stage.path, ".git").rglob("*")) == before


def test_more_than_one_ref_or_less_than_all_is_git_s(tool, stage):
    nearby = Nearby(Runner(environ=dict(os.environ)))
    for request in (
        FetchRequest(refs=(MAIN, "refs/tags/v1.0.0")),
        FetchRequest(refs=("refs/heads/*",)),
        FetchRequest(refs=(MAIN,), depth=1),
        FetchRequest(refs=(MAIN,), commits_only=True),
        FetchRequest(refs=(MAIN,), waived=(tool.rev("main"),)),
    ):
        assert not nearby.fetch(Fetch(stage=stage, url=tool.url, request=request, defaults=Defaults()))
    url, request = tool.url.replace("file://", "file://localhost"), FetchRequest(refs=(MAIN,))
    assert not nearby.fetch(Fetch(stage=stage, url=url, request=request, defaults=Defaults()))


def test_a_tip_that_the_store_has_needs_no_pack(tool, stage):
    assert fetched(tool, stage)
    Path(stage.path, ".git", KEPT).unlink()
    Path(stage.path, ".git/packed-refs").write_text(f"{tool.rev('main')} {HAVES}0\n")
    assert fetched(tool, stage)
    assert Path(stage.path, ".git", KEPT).read_text() == f"{tool.rev('main')}\n"
    tool.update_ref(MAIN, tool.rev("v1.0.0^{commit}"))
    assert fetched(tool, stage)
    assert Path(stage.path, ".git", KEPT).read_text() == f"{tool.rev('v1.0.0^{commit}')}\n"
    assert len(list(Path(stage.path, ".git/objects/pack").glob("*.pack"))) == 1


def has_all_but_what_is_new(tool: Upstream, stage: Stage) -> Path:
    """Make *stage* what the object cache lends; return its folder of packs."""
    tool.commit({"much": "".join(f"line {number}\n" for number in range(2000))}, "much")
    assert fetched(tool, stage)
    Path(stage.path, ".git", KEPT).unlink()
    Path(stage.path, ".git/packed-refs").write_text(f"{tool.rev('main')} {HAVES}0\n")
    tool.commit({"much": "".join(f"line {number}\n" for number in range(2001))}, "more")
    return Path(stage.path, ".git/objects/pack")


def test_only_what_is_new_comes(tool, stage, tmp_path):
    packs = has_all_but_what_is_new(tool, stage)
    env, log = logging_git(tmp_path / "bin")
    first = {path.name for path in packs.iterdir()}
    assert fetched(tool, stage, env=env)
    assert sorted(commands(log)) == ["index-pack", "pack-objects"]
    assert any(word.startswith("--strict=") for word in log.read_text().split("\037"))
    (new,) = [path for path in packs.glob("*.pack") if path.name not in first]
    # A commit, a tree and a file that came as what differs; its base was put beside it.
    assert git("verify-pack", "-v", new, cwd=tmp_path).count(" blob ") == 2
    assert Path(stage.path, ".git", KEPT).read_text() == f"{tool.rev('main')}\n"
    assert git("fsck", "--full", "--strict", "--no-dangling", cwd=stage.path) == ""
    assert git("rev-list", "--count", KEPT, cwd=stage.path) == git("rev-list", "--count", "main", cwd=tool.path)


def test_much_that_is_new_comes_in_many_pieces(tool, stage):
    has_all_but_what_is_new(tool, stage)
    tool.commit({f"noise/{number}": os.urandom(200_000) for number in range(5)}, "noise")
    assert fetched(tool, stage)
    assert git("fsck", "--full", "--strict", "--no-dangling", cwd=stage.path) == ""


def test_a_clone_that_is_borrowed_from_says_what_it_has(hybrid, workspace, tool, tmp_path):
    started(hybrid, tool.url, "--branch", "main")
    tool.commit({"README": "more\n"}, "more")
    env, log = logging_git(tmp_path / "bin")
    hybrid("pin", "tool", env=env | {"GIT_HYBRID_CACHE_DIR": ""})
    assert sorted(commands(log)) == ["index-pack", "ls-remote", "pack-objects"]
    hybrid("sync", env=env | {"GIT_HYBRID_CACHE_DIR": ""})
    assert head(workspace) == tool.rev("main")
    assert git("fsck", "--full", "--strict", "--no-dangling", cwd=workspace / "sources/tool") == ""


@pytest.mark.parametrize(
    "served",
    [
        "exit 0",
        'REAL "$@" | dd bs=1 count=700 status=none; exit 0',  # the pack is cut in its middle
        'REAL "$@" | FILTER packfile packfiles',
        'REAL "$@" | FILTER "version 2" "version 1"',
        'REAL "$@"; exit 3',
    ],
)
def test_a_server_that_fails_leaves_what_was_there(tool, stage, tmp_path, served):
    packs = has_all_but_what_is_new(only_asked(tool), stage)
    tool.commit({"noise": os.urandom(5000)})
    before = sorted(packs.iterdir())
    line = served.replace("REAL", str(shutil.which("git"))).replace("FILTER", replacing(tmp_path))
    assert not fetched(tool, stage, env=fake_git(tmp_path / "bin", line))
    assert sorted(packs.iterdir()) == before
    assert not Path(stage.path, ".git", KEPT).exists()


def test_what_fsck_refuses_of_what_is_new_leaves_what_was_there(tool, stage):
    packs = has_all_but_what_is_new(tool, stage)
    before = sorted(packs.iterdir())
    blob = tool.blob(b"x")
    tool.update_ref(MAIN, tool.raw_commit(tool.raw_tree([("100644", blob, b".git")]), parents=[tool.rev("main")]))
    assert not fetched(tool, stage)
    assert sorted(packs.iterdir()) == before


@pytest.mark.parametrize("missing", ["main~1", "main^{tree}", "main:dir", "main:dir/much"])
def test_an_object_that_is_named_and_does_not_come_leaves_what_was_there(tool, stage, tmp_path, missing):
    """The server sends a pack without one object that others in it name, and that was not there before."""
    packs = has_all_but_what_is_new(only_asked(tool), stage)
    base = tool.rev("main")
    git("-c", "fetch.unpackLimit=1", "fetch", "-q", str(tool.path), "main", cwd=stage.path)
    before = sorted(packs.iterdir())
    tool.commit({"dir/much": "one file\n"}, "one")
    tool.commit({"dir/much": "another file\n"}, "two")
    Path(stage.path, ".git/packed-refs").write_text(f"{base} {HAVES}0\n")
    left_out = tool.rev(missing)
    listed = git("rev-list", "--objects", "main", f"^{base}", cwd=tool.path).splitlines()
    sent = "".join(f"{line}\n" for line in listed if not line.startswith(left_out))
    assert sent.count("\n") == len(listed) - 1
    (tmp_path / "list").write_text(sent)
    left, real = framed(packed(tool, sent)), shutil.which("git")
    (tmp_path / "answer").write_bytes(b"000dpackfile\n" + left + b"0000")
    # It lists as it is, and answers the second question with that.
    script = tmp_path / "serve.py"
    script.write_text(
        "import subprocess, sys\n"
        f"asked = subprocess.run([{real!r}, 'upload-pack', {str(tool.path)!r}], input=b'', stdout=-1).stdout\n"
        "sys.stdout.buffer.write(asked)\n"
        f"line = b'{tool.rev('main')} {MAIN}\\n'\n"
        "sys.stdout.buffer.write(b'%04x%s0000' % (len(line) + 4, line))\n"
        f"sys.stdout.buffer.write(open({str(tmp_path / 'answer')!r}, 'rb').read())\n"
        "sys.stdout.flush()\n"
        "sys.stdin.buffer.read()\n"
    )
    env = fake_git(tmp_path / "bin", f'exec {sys.executable} -I "{script}"')
    assert not fetched(tool, stage, env=env)
    assert sorted(packs.iterdir()) == before
    (tmp_path / "answer").write_bytes(b"000dpackfile\n" + framed(packed(tool, f"main\n^{base}\n", "--revs")) + b"0000")
    assert fetched(tool, stage, env=env)


@pytest.mark.parametrize("program", ["upload-pack", "pack-objects"])
def test_a_signal_and_a_deadline_end_it(tool, stage, tmp_path, program):
    env = fake_git(tmp_path / "bin", "exec sleep 60", program)
    if program == "upload-pack":
        only_asked(tool)
    before = time.monotonic()
    with pytest.raises(Interrupted):
        fetched(tool, stage, env=env, cancelled=lambda: 2)
    transport = GitTransport(
        runner=(runner := Runner(environ={**os.environ, **env})), allowed_host=lambda _host: True, nearby=Nearby(runner)
    )
    with pytest.raises(NetworkFailure) as caught:
        transport.fetch(stage, tool.url, FetchRequest(refs=(MAIN,)), Defaults(deadline=timedelta(seconds=1)))
    assert caught.value.kind == "deadline"
    assert time.monotonic() - before < 30
