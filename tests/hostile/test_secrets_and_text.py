"""T19 to T22, P13, P15: no secret leaves, and no text of a stranger steers a terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Self

import pytest

from git_hybrid.view.term import safe
from support.cli import Hybrid, executable, run_hybrid
from support.https_server import HttpsGitServer
from support.kit import lock
from support.ssh_server import SshGitServer
from support.upstream import Upstream, UpstreamFactory

CANARY = "CANARY0a1b2c3d4e5f"


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"f": "one\n"})
    return upstream


class _Watch:
    """Looks at the argument lists of all processes whose environment names *mark*, until it is stopped."""

    def __init__(self, mark: Path) -> None:
        self._mark = str(mark).encode()
        self.seen: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._older = set(os.listdir("/proc"))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.is_set():
            for name in os.listdir("/proc"):
                if name.isdigit() and name not in self._older:
                    try:
                        words = Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ")
                        ours = self._mark in Path(f"/proc/{name}/environ").read_bytes()
                    except OSError:
                        continue
                    if ours and CANARY.encode() in words:
                        self.seen.add(words.decode(errors="replace"))
            time.sleep(0.01)


def _run(workspace: Path, *words: str, env: Mapping[str, str | None], temporary: Path) -> tuple[int, str]:
    """Run the command as a process and return its status and everything that it said."""
    done = run_hybrid(*words, cwd=workspace, env={**env, "TMPDIR": str(temporary)}, check=None)
    return done.code, done.out + done.err


def _files_with_canary(*folders: Path) -> list[str]:
    paths = (path for folder in folders for path in folder.rglob("*"))
    files = (path for path in paths if path.is_file() and not path.is_symlink())
    return [str(path) for path in files if CANARY.encode() in path.read_bytes()]


Place = Callable[[HttpsGitServer, Path], dict[str, str]]


def _config(key: str, value: str) -> dict[str, str]:
    return {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": key, "GIT_CONFIG_VALUE_0": value}


def _helper(server: HttpsGitServer, folder: Path) -> dict[str, str]:
    server.auth = ("user", CANARY)
    script = folder / "helper"
    secret = folder / "secret"
    secret.write_text(f"username=user\npassword={CANARY}\n")
    script.write_text(f"#!/bin/sh\ncat {secret}\n")
    script.chmod(0o755)
    return _config("credential.helper", str(script))


def _header(server: HttpsGitServer, folder: Path) -> dict[str, str]:
    return _config("http.extraHeader", f"Authorization: Bearer {CANARY}")


def _other_header(server: HttpsGitServer, folder: Path) -> dict[str, str]:
    return _config("http.extraHeader", f"X-Secret: {CANARY}")


def _netrc(server: HttpsGitServer, folder: Path) -> dict[str, str]:
    server.auth = ("user", CANARY)
    (folder / ".netrc").write_text(f"machine localhost login user password {CANARY}\n")
    return {"HOME": str(folder)}


def _server_says(server: HttpsGitServer, folder: Path) -> dict[str, str]:
    body = f"your token https://user:{CANARY}@localhost/ and Authorization: Bearer {CANARY} are refused\n".encode()
    server.fail_always(403, headers={"Content-Type": "text/plain"}, body=body)
    return {}


def _proxy(server: HttpsGitServer, folder: Path) -> dict[str, str]:
    return {"https_proxy": f"http://user:{CANARY}@127.0.0.1:1/"}


def _redirect(server: HttpsGitServer, folder: Path) -> dict[str, str]:
    server.redirect("/tool.git/info", server.url("gone.git/info") + f"?token={CANARY}&x=")
    return {}


def _redirect_userinfo(server: HttpsGitServer, folder: Path) -> dict[str, str]:
    host = f"user:{CANARY}@localhost"
    server.redirect("/tool.git", server.url("tool.git", host=host).replace("tool.git", "tool2.git"))
    (server.root / "tool2.git").symlink_to("tool.git")
    return {}


PLACES: dict[str, Place] = {
    "header": _header,
    "other-header": _other_header,
    "credential-helper": _helper,
    "netrc": _netrc,
    "server-message": _server_says,
    "proxy": _proxy,
    "redirect-query": _redirect,
    "redirect-userinfo": _redirect_userinfo,
}


@pytest.mark.parametrize("place", PLACES)
def test_a_canary_in_the_configuration_reaches_nothing(
    place: str, workspace: Path, tool: Upstream, https_server: HttpsGitServer, tmp_path: Path
) -> None:
    secrets, temporary = tmp_path / "secrets", tmp_path / "temporary"
    secrets.mkdir()
    temporary.mkdir()
    env = https_server.env() | PLACES[place](https_server, secrets)
    text = "schema_version = 1\n[defaults]\nretry = { attempts = 1 }\n"
    with _Watch(temporary) as watch:
        _run(workspace, "init", env=env, temporary=temporary)
        (workspace / "sources.toml").write_text(text)
        words = (
            ["add", https_server.url("tool.git"), "-v"],
            ["sync", "-v"],
            ["pin", "--all", "--json"],
            ["status", "-v"],
        )
        said = [_run(workspace, *line, env=env, temporary=temporary) for line in words]
    works = place in ("header", "other-header", "credential-helper", "netrc")
    assert (said[0][0] == 0) is works or place.startswith("redirect"), said[0]
    assert [out for _, out in said if CANARY in out] == []
    assert _files_with_canary(workspace, temporary) == []
    assert watch.seen == set()
    assert not [path for path in temporary.iterdir() if "crash" in path.name]


@pytest.mark.parametrize(
    "url", ["https://user:{}@localhost/x", "https://{}@localhost/x", "ssh://u:{}@h/x", "https://h/x?token={}"]
)
def test_a_canary_in_a_url_is_refused_and_not_repeated(hybrid: Hybrid, workspace: Path, url: str) -> None:
    hybrid("init")
    given = url.format(CANARY)
    for words in (["add", given, "-v"], ["override", "revoke", "x", "--reason", f"see {given}"], ["scan", given]):
        refused = hybrid(*words, check=2)
        assert CANARY not in refused.out + refused.err
    assert _files_with_canary(workspace) == []
    text = f'schema_version = 1\n[source.tool]\nurl = "{url.format(CANARY)}"\nbranch = "main"\n'
    (workspace / "sources.toml").write_text(text)
    for words in (["sync"], ["status", "--json"], ["check", "metadata"]):
        refused = hybrid(*words, check=2)
        assert CANARY not in refused.out + refused.err


def test_a_canary_behind_insteadof_reaches_no_file_and_no_message(
    hybrid: Hybrid, workspace: Path, tool: Upstream, https_server: HttpsGitServer
) -> None:
    """git itself puts the rewritten URL on the command line of its helper; nothing else of it may stay."""
    https_server.auth = ("user", CANARY)
    hidden = https_server.url("", host=f"user:{CANARY}@localhost")
    env = https_server.env() | _config(f"url.{hidden}.insteadOf", https_server.url(""))
    hybrid("init")
    added = hybrid("add", https_server.url("tool.git"), "-v", env=env)
    synced = hybrid("sync", "-v", env=env)
    https_server.fail_always(403)
    failed = hybrid("pin", "--all", env=env, check=4)
    in_path = https_server.env() | _config(f"url.{https_server.url(CANARY)}/.insteadOf", https_server.url(""))
    in_path = hybrid("pin", "--all", env=in_path, check=4)
    assert CANARY not in "".join(item.out + item.err for item in (added, synced, failed, in_path))
    assert _files_with_canary(workspace) == []


def test_a_canary_in_an_ssh_command_reaches_no_file_and_no_message(
    hybrid: Hybrid, workspace: Path, tool: Upstream, ssh_server: SshGitServer
) -> None:
    command = ssh_server.env()["GIT_SSH_COMMAND"]
    env = {**ssh_server.env(), "GIT_SSH_COMMAND": f"{command} -oSetEnv=TOKEN={CANARY}"}
    hybrid("init")
    added = hybrid("add", ssh_server.url("tool.git"), "-v", env=env)
    failed = hybrid("add", ssh_server.url("none.git"), env=env, check=None)
    assert CANARY not in added.out + added.err + failed.out + failed.err
    assert _files_with_canary(workspace) == []


def test_a_bug_tells_no_secret(workspace: Path, tmp_path: Path, hybrid: Hybrid, tool: Upstream) -> None:
    """The trace of a crash is written to a file: with userinfo and tokens hidden."""
    code = (
        "import sys; from git_hybrid.cli import boundary\n"
        f"def command(common, argv): raise ValueError('https://u:{CANARY}@h/x Authorization: Bearer {CANARY}')\n"
        "sys.exit(boundary.run(command, ['sync']))\n"
    )
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    python = executable().with_name("python")
    done = subprocess.run([python, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 70
    assert CANARY not in done.stdout + done.stderr
    assert list(tmp_path.glob("git-hybrid-crash-*"))
    # The line of the program that raised is not ours to change here; what the message says is.
    kept = [path.read_text() for path in tmp_path.glob("git-hybrid-crash-*")]
    assert all(CANARY not in line for text in kept for line in text.splitlines())


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_library_that_is_broken_is_told_as_a_bug(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/msgspec.py").write_text("raise RuntimeError('broken')\n")
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "broken"), "TMPDIR": str(tmp_path)}
    argv = [executable(), "status", *options]
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 70
    assert done.stderr.startswith("error: this is a bug in git hybrid\ncause: RuntimeError: broken; ")
    assert "Traceback" not in done.stderr
    assert len(list(tmp_path.glob("git-hybrid-crash-*"))) == 1


def _active(text: str) -> list[str]:
    """Return the characters of *text* that a terminal or a reader would obey; line ends and tabs are ours."""
    return [
        char
        for char in text
        if char not in "\n\t" and unicodedata.category(char) in ("Cc", "Cf", "Cn", "Cs", "Zl", "Zp")
    ]


def _payloads() -> Iterator[str]:
    controls = [chr(code) for code in (*range(1, 9), *range(0x0B, 0x20), 0x7F, *range(0x80, 0xA0))]
    formats = [
        chr(code)
        for code in (0xAD, 0x61C, *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF)
    ]
    tags = [chr(code) for code in (0xE0001, *range(0xE0020, 0xE0080))]
    sequences = [
        "\x1b[2J",
        "\x1b]0;title\x07",
        "\x1b]8;;https://evil\x1b\\x\x1b]8;;\x1b\\",
        "\x9b31m",
        "\x1bP+q\x1b\\",
        "\r\x1b[K",
    ]
    numbers = [f"\x1b[{number}m" for number in range(1, 10)]
    yield from (f"a{item}b" for item in (*controls, *formats, *tags, *sequences, *numbers))


PAYLOADS = list(dict.fromkeys(_payloads()))


def test_there_are_enough_payloads_and_each_is_active() -> None:
    assert len(PAYLOADS) >= 200
    assert all(_active(payload) for payload in PAYLOADS), "the control: printed raw, each would act"


def test_safe_text_steers_nothing() -> None:
    for payload in [*PAYLOADS, "\ud800", b"\xff\x9b".decode("utf-8", "surrogateescape")]:
        told = safe(payload)
        assert _active(told) == []
        told.encode()


def test_subjects_authors_and_refs_of_strangers_are_escaped(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    hybrid("add", tool.url, "--branch", "main")
    hybrid("sync")
    tip = tool.rev("main")
    for at in range(0, len(PAYLOADS), 5):
        subject = " ".join(PAYLOADS[at : at + 5]).replace("\x00", "")
        tip = tool.raw_commit(tool.rev("main^{tree}"), [tip], subject, identity=f"{subject.strip()} <a@b>")
    tool.update_ref("refs/heads/main", tip)
    odd = next(item for item in PAYLOADS if "\u202e" in item)
    tool.update_ref(f"refs/heads/{odd}", tip)
    tool.update_ref("refs/tags/v1\u200b", tip)
    said = [hybrid(*words, check=None) for words in (["diff", "--upstream"], ["pin", "tool", "-n", "-v"], ["outdated"])]
    said += [hybrid(*words, "--json", check=None) for words in (["diff", "--upstream"], ["pin", "tool", "-n"])]
    said += [
        hybrid("pin", "tool", "--to", odd, check=None),
        hybrid("add", tool.url, "--name", "o", "--branch", odd, check=None),
    ]
    said += [hybrid("add", tool.url, "--name", "p", "--branch", "mian", check=None)]
    for item in said:
        assert _active(item.out) == []
        assert _active(item.err) == []
    json.loads(said[3].out)


def test_names_of_files_of_strangers_are_escaped(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    hybrid("add", tool.url)
    hybrid("sync")
    for payload in PAYLOADS:
        if "/" not in payload:
            (workspace / "sources/tool" / payload).write_text("x")
    for words in (
        ["status"],
        ["status", "--json"],
        ["status", "--porcelain"],
        ["sync"],
        ["diff"],
        ["check", "sources", "--content"],
    ):
        told = hybrid(*words, check=None)
        assert _active(told.out) == [], words
        assert _active(told.err) == [], words


def test_what_a_server_says_is_escaped(hybrid: Hybrid, tool: Upstream, https_server: HttpsGitServer) -> None:
    hybrid("init")
    for at in range(0, len(PAYLOADS), 40):
        body = "\n".join(PAYLOADS[at : at + 40]).encode()
        https_server.fail_always(403, headers={"Content-Type": "text/plain; charset=utf-8"}, body=body)
        for words in ([], ["--json"]):
            told = hybrid("add", https_server.url("tool.git"), *words, env=https_server.env(), check=4)
            assert _active(told.out) == []
            assert _active(told.err) == []
        https_server.clear_faults()


@pytest.mark.parametrize("history", ["full", "shallow"])
def test_a_sha256_repository_through_the_whole_cycle(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, history: str
) -> None:
    """libgit2 cannot read it: every step goes through the git CLI."""
    upstream = upstream_factory("long", object_format="sha256")
    upstream.commit({"f": "one\n", "d/x": "x\n"})
    hybrid("init")
    (workspace / "sources.toml").write_text(f'schema_version = 1\n[defaults]\nhistory = "{history}"\n')
    hybrid("add", upstream.url, "--branch", "main")
    hybrid("sync")
    clone = workspace / "sources/long"
    assert len(lock(workspace)["long"]["commit"]) == 64
    assert "ok" in hybrid("status").out
    hybrid("check", "sources", "--content")
    for change in (lambda: (clone / "f").write_text("two\n"), lambda: (clone / "new").write_text("x")):
        change()
        assert re.search(r"long\s+dirty", hybrid("status").out)
        hybrid("check", "sources", "--content", check=1)
        hybrid("sync", check=3)
        hybrid("reset", "long")
        assert (clone / "f").read_text() == "one\n"
        assert not (clone / "new").exists()
    upstream.commit({"f": "three\n"})
    hybrid("pin", "long")
    hybrid("sync")
    assert (clone / "f").read_text() == "three\n"
    hybrid("check", "sources", "--content")


def test_a_repository_that_libgit2_cannot_open_is_read_by_git(
    hybrid: Hybrid, workspace: Path, tool: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a reftable clone would take: libgit2 refuses the extension, and the CLI answers."""
    for module in ("looking", "objects", "packs"):
        monkeypatch.setattr(f"git_hybrid.git.{module}.open_repository", lambda _git_dir: None)
    hybrid("init")
    hybrid("add", tool.url, "--branch", "main")
    hybrid("sync")
    (workspace / "sources/tool/f").write_text("mine\n")
    assert re.search(r"tool\s+dirty", hybrid("status").out)
    hybrid("reset", "tool")
    tool.commit({"f": "two\n"})
    hybrid("pin", "tool")
    hybrid("sync")
    hybrid("check", "sources", "--content")
    assert (workspace / "sources/tool/f").read_text() == "two\n"
