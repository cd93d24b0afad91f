"""The transport over a mocked git: what is asked, what is tried again, and what of it reaches the user."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from git_hybrid.app.retry import with_retry
from git_hybrid.cli.main import main
from git_hybrid.cli.telling import tell
from git_hybrid.core import errors
from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import Defaults, Retry
from git_hybrid.core.ports import FetchRequest, Stage
from git_hybrid.git.answers import Answer
from git_hybrid.git.fetching import fetch_arguments, on_stdin
from git_hybrid.git.kept import kept_ref
from git_hybrid.git.reflist import parse_refs
from git_hybrid.git.run import Runner
from git_hybrid.git.transport import GitTransport
from support.samples import OID, URL, make_workspace

DEFAULTS = Defaults(retry=Retry(attempts=3, initial=timedelta(milliseconds=1), maximum=timedelta(milliseconds=2)))
BUSY = b"fatal: unable to access 'x': The requested URL returned error: 503\n"
LIST = f"{OID}\trefs/heads/main\n".encode()


@pytest.fixture
def transport(fp):
    # What a step that fails asks, so as to tell none of the user's commands.
    fp.register(["git", "config", "--null", "--get-regexp", fp.any()], returncode=1, occurrences=5)
    runner = Runner(environ={"PATH": os.environ["PATH"], "GIT_SSH_COMMAND": "ssh"})
    runner.settings = frozenset()
    return GitTransport(runner=runner, allowed_host=lambda host: host != "evil.example")


def _ls_remote(fp, **result):
    return fp.register(["git", fp.any(), "ls-remote", fp.any()], **result)


def test_list_refs(fp, transport):
    asked = _ls_remote(fp, stdout=LIST)
    assert transport.list_refs(URL, DEFAULTS, head=False).tips == {"refs/heads/main": OID}
    words = list(asked.calls[0].args)
    assert words[words.index("ls-remote") :][-2:] == ["--end-of-options", URL]
    assert {"--heads", "--tags"} <= set(words)


def test_the_memory_of_no_other_process_is_bounded(fp, transport):
    asked = _ls_remote(fp, stdout=LIST)
    assert transport.list_refs(URL, DEFAULTS, head=False).tips
    with pytest.raises(ProcessLookupError):
        os.kill(asked.calls[0].pid, 0)


def test_list_refs_with_head(fp, transport):
    out = f"ref: refs/heads/main\tHEAD\n{OID}\tHEAD\n".encode() + LIST
    _ls_remote(fp, stdout=out)
    assert transport.list_refs(URL, DEFAULTS, head=True).head == "refs/heads/main"


@pytest.mark.parametrize("folder", ["sources/.incoming", "mirror/.incoming"])
def test_a_full_disk_is_named_by_whose_it_is(fp, transport, tmp_path, folder):
    fp.register(["git", fp.any(), "fetch", fp.any()], returncode=128, stderr=b"fatal: No space left on device\n")
    stage = Stage(SourceName("tool"), str(tmp_path / folder / "run/tool"))
    (tmp_path / folder / "run/tool/.git").mkdir(parents=True)
    (tmp_path / folder / "run/tool/.git/config").write_text("objectformat")
    with pytest.raises(errors.LocalIo) as caught:
        transport.fetch(stage, URL, FetchRequest(refs=["refs/heads/main"]), DEFAULTS)
    assert caught.value.path == ("sources/.incoming" if "sources" in folder else stage.path)


def test_fetch(fp, transport, tmp_path):
    fp.register(["git", "version"], stdout="git version 2.45.0\n")
    asked = fp.register(["git", fp.any(), "fetch", fp.any()])
    # Nothing says here that a server of git's answered.
    checked = fp.register(["git", fp.any(), "fsck", fp.any()])
    stage = Stage(SourceName("tool"), str(tmp_path))
    request = FetchRequest(refs=["refs/heads/main"], commits=[OID], depth=1, commits_only=True)
    transport.fetch(stage, URL, request, DEFAULTS)
    assert len(checked.calls) == 1
    words = list(asked.calls[0].args)
    options = {"--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"}
    assert options | {"--depth=1", "--filter=tree:0", f"--git-dir={tmp_path}/.git"} <= set(words)
    end = words.index("--end-of-options")
    assert words[end + 1] == URL
    assert words[end + 2] == "+refs/heads/main:" + kept_ref("refs/heads/main")
    assert words[end + 3].startswith(f"+{OID}:refs/hybrid/")
    assert not any("refs/*" in word or "FETCH_HEAD" in word for word in words)


def test_many_refs_are_asked_for_by_id_and_on_stdin():
    refs = [f"refs/tags/v{number}" for number in range(50_000)]
    request = FetchRequest(refs=refs, commits=[OID], listed={(URL, ref): OID for ref in refs[1:]})
    assert fetch_arguments(URL, request)[-3:] == ["--stdin", "--end-of-options", URL]
    with on_stdin(URL, request) as file:
        lines = file.read().decode().splitlines()
    # Of what is not listed, or by another server, only the name is known.
    assert lines[:2] == [f"+{refs[0]}:{kept_ref(refs[0])}", f"+{OID}:{kept_ref(refs[1])}"]
    assert len(lines) == len(refs) + 1
    with on_stdin("https://example.org/other", request) as file:
        assert OID not in file.readlines()[1].decode()


def test_a_passing_failure_is_tried_again(fp, transport):
    asked = _ls_remote(fp, returncode=128, stderr=BUSY)
    _ls_remote(fp, returncode=128, stderr=BUSY)
    _ls_remote(fp, stdout=LIST)
    slept, told = [], []
    found = with_retry(
        lambda: transport.list_refs(URL, DEFAULTS, head=False),
        policy=DEFAULTS.retry,
        sleep=slept.append,
        on_failure=lambda failure, number, _: told.append((failure.kind, number)),
    )
    assert found.tips == {"refs/heads/main": OID}
    assert told == [("http-503", 1), ("http-503", 2)]
    assert len(slept) == 2
    assert asked.call_count() == 1


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (b"The requested URL returned error: 401", errors.AccessDenied),
        (b"The requested URL returned error: 404", errors.RepositoryNotFound),
        (b"SSL certificate problem: certificate has expired", errors.TlsFailure),
    ],
)
def test_a_final_failure_is_not(fp, transport, words, kind):
    asked = _ls_remote(fp, returncode=128, stderr=b"fatal: unable to access 'x': " + words)
    with pytest.raises(kind):
        with_retry(
            lambda: transport.list_refs(URL, DEFAULTS, head=False),
            policy=DEFAULTS.retry,
            sleep=lambda _: None,
            on_failure=lambda *_: None,
        )
    assert asked.call_count() == 1


def test_a_redirect_to_another_host_is_asked_about(fp, transport):
    _ls_remote(fp, stdout=LIST, stderr=b"warning: redirecting to https://evil.example/x/\n")
    with pytest.raises(errors.HostNotAllowed) as caught:
        transport.list_refs(URL, DEFAULTS, head=False)
    assert caught.value.host == "evil.example"


def test_a_redirect_to_what_is_not_https_is_told(fp, transport, monkeypatch):
    _ls_remote(fp, returncode=128, stderr=b"fatal: unable to access 'x': Protocol \"http\" disabled in redirect")
    monkeypatch.setattr("git_hybrid.git.transport.read_headers", lambda _: Answer(insecure="http://other.example"))
    with pytest.raises(errors.InsecureRedirect) as caught:
        transport.list_refs(URL, DEFAULTS, head=False)
    assert caught.value.target == "http://other.example"


@pytest.mark.parametrize("line", [b"no tab\n", b"xyz\trefs/heads/main\n", b"\trefs/heads/main\n"])
def test_a_list_of_refs_that_git_would_not_write(line):
    with pytest.raises(errors.WrongContent):
        parse_refs(line)


def test_refs_that_are_no_branch_or_tag_are_left_out():
    out = LIST + b"".join(f"{OID}\t{ref}\n".encode() for ref in ("refs/pull/1/head", "HEAD", "refs/heads/a..b"))
    assert set(parse_refs(out + f"{OID}\trefs/tags/v1^{{}}\n".encode()).tips) == {"refs/heads/main"}


def test_only_git_s_own_end_ends_a_line():
    names = [f"a{char}b" for char in "\u2028\u2029\x85"]
    out = b"".join(f"{OID}\trefs/heads/{name}\n".encode() for name in names)
    assert list(parse_refs(out).tips) == [f"refs/heads/{name}" for name in names]


@pytest.fixture
def workspace(tmp_path, monkeypatch, fp):
    """A workspace in which git is found and setpriv is not, so that every command line starts with git."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "git").symlink_to(shutil.which("git"))
    monkeypatch.setenv("PATH", str(programs))
    fp.allow_unregistered(allow=True)
    made = make_workspace(tmp_path)
    made.write("sources.toml", 'schema_version = 1\n[defaults]\nretry = { attempts = 3, initial = "1ms" }\n')
    return made


def _add(workspace, *options: str) -> int:
    return main(["-C", str(workspace.root), "add", URL, "--name", "new", "--branch", "main", *options])


def test_words_of_git_and_the_remedy_reach_the_user(fp, workspace, capsys):
    words = b"remote: this is what the server says\nfatal: unable to do what nobody has seen before\n"
    _ls_remote(fp, returncode=77, stdout=b"and this stood on stdout\n", stderr=words)
    fp.register(["git", fp.any(), "fetch", fp.any()], returncode=77, stdout=b"and this stood on stdout\n", stderr=words)
    before = workspace.files()
    assert _add(workspace) == 74
    err = capsys.readouterr().err
    assert "error: new: git " in err
    assert "77" in err
    assert "what nobody has seen before" in err
    assert "this is what the server says" in err
    assert "and this stood on stdout" in err
    assert "hint: " in err
    assert workspace.files()["sources.toml"] == before["sources.toml"]
    assert workspace.files()["state/sources.lock"] == before["state/sources.lock"]


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        ("fatal: Authentication failed for 'x'", 4, "gitcredentials(7)"),
        (f"fatal: repository '{URL}' does not appear to be a git repository", 4, "git ls-remote"),
        ("fatal: unable to access 'x': SSL certificate problem: certificate has expired", 4, "http.sslCAInfo"),
        ("Host key verification failed.", 4, "known_hosts"),
        ("fatal: couldn't find remote ref refs/heads/main", 5, "git ls-remote"),
        ("fatal: unable to access 'x': The requested URL returned error: 503", 4, "git ls-remote"),
    ],
)
def test_remedies_reach_the_user(fp, workspace, capsys, words, code, hint):
    for command in ("ls-remote", "fetch"):
        pattern = ["git", fp.any(), command, fp.any()]
        fp.register(pattern, returncode=128, stderr=words.encode() + b"\n", occurrences=9)
    assert _add(workspace) == code
    err = capsys.readouterr().err
    assert "error: new: " in err
    assert hint in err


@pytest.mark.parametrize(
    ("chosen", "hint"), [(None, "git config --global http.sslCAInfo FILE"), ("/ca", "export GIT_SSL_CAINFO=FILE")]
)
def test_an_authority_is_named_where_git_looks_for_it(monkeypatch, chosen, hint):
    monkeypatch.delenv("GIT_SSL_CAINFO", raising=False)
    if chosen is not None:
        monkeypatch.setenv("GIT_SSL_CAINFO", chosen)
    assert tell(errors.TlsFailure(url=URL, message="")).hints == (hint,)


def test_the_number_of_tries_reaches_the_user(fp, workspace, capsys):
    for command in ("ls-remote", "fetch"):
        fp.register(["git", fp.any(), command, fp.any()], returncode=128, stderr=BUSY, occurrences=9)
    assert _add(workspace) == 4
    assert "(http-503) after 3 tries" in capsys.readouterr().err


def test_what_a_server_says_steers_no_terminal(fp, workspace, capsys):
    words = b"remote: \x1b[2J\x1b]0;x\x07 \xe2\x80\xae\xc2\x9b31m\nfatal: unknown thing\n"
    for command in ("ls-remote", "fetch"):
        fp.register(["git", fp.any(), command, fp.any()], returncode=128, stderr=words)
    _add(workspace)
    out, err = capsys.readouterr()
    assert not set("\x1b\x07\u202e\x9b") & set(out + err)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", None), ("-3", None), ("Mon, 99 Foo", None)]
    + [(f"Mon, 1 Jan {year} 0:0:0 {zone}", None) for year, zone in (("2026", "+9999999999999999"), ("9" * 12, "GMT"))],
)
def test_retry_after_is_read_from_the_headers(fp, transport, tmp_path, header, seconds):
    def answer(process):
        trace = Path(process.kwargs["env"]["GIT_TRACE_CURL"])
        assert trace.parent == Path("/dev/fd"), "a file with a name could outlive the program, credentials in it"
        trace.write_text(f"12:00:00 http.c:1 <= Recv header: Retry-After: {header}\r\n")

    _ls_remote(fp, returncode=128, stderr=BUSY, callback=answer)
    with pytest.raises(errors.NetworkFailure) as caught:
        transport.list_refs(URL, DEFAULTS, head=False)
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    ("status", "header", "kind"),
    [(403, "7", errors.NetworkFailure), (403, "x", errors.AccessDenied), (401, "7", errors.AccessDenied)],
)
def test_a_403_that_asks_to_wait_bounds_requests(fp, transport, status, header, kind):
    def answer(process):
        trace = Path(process.kwargs["env"]["GIT_TRACE_CURL"])
        trace.write_text(f"12:00:00 http.c:1 <= Recv header: Retry-After: {header}\r\n")

    _ls_remote(fp, returncode=128, stderr=BUSY.replace(b"503", b"%d" % status), callback=answer)
    with pytest.raises(kind) as caught:
        transport.list_refs(URL, DEFAULTS, head=False)
    assert getattr(caught.value, "retry_after", None) == (7.0 if kind is errors.NetworkFailure else None)


def test_a_date_in_retry_after_is_as_far_away_as_it_is(fp, transport):
    moment = datetime.now(UTC) + timedelta(seconds=90)

    def answer(process):
        trace = Path(process.kwargs["env"]["GIT_TRACE_CURL"])
        trace.write_text(f"<= Recv header: retry-after: {format_datetime(moment, usegmt=True)}\r\n")

    _ls_remote(fp, returncode=128, stderr=BUSY, callback=answer)
    with pytest.raises(errors.NetworkFailure) as caught:
        transport.list_refs(URL, DEFAULTS, head=False)
    assert caught.value.retry_after is not None
    assert 80 < caught.value.retry_after <= 90
