"""What servers of LFS content answer: what may pass is tried again, what is final is told, and nothing goes on for ever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from socket import create_server

import pytest

from git_hybrid.git.environment import configured
from support.beginning import Beginning
from support.cli import Hybrid
from support.https_server import HttpsGitServer
from support.kit import replace
from support.upstream import UpstreamFactory

CONTENT = b"x" * 9000
OID = hashlib.sha256(CONTENT).hexdigest()
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize {len(CONTENT)}\n"
KIND = {"Content-Type": "application/vnd.git-lfs+json"}
BATCH = "/objects/batch"
RETRY = '[defaults]\nretry = { attempts = 3, initial = "10ms", maximum = "20ms" }\n'


@pytest.fixture
def https_server(lasting_server: HttpsGitServer) -> HttpsGitServer:
    lasting_server.forget()
    return lasting_server


@pytest.fixture
def ws(
    workspace: Path,
    upstream_factory: UpstreamFactory,
    https_server: HttpsGitServer,
    hybrid: Hybrid,
    beginning: Beginning,
) -> Path:
    upstream_factory("large").commit({".gitattributes": "*.bin filter=lfs\n", "a.bin": POINTER})

    def make() -> None:
        hybrid("init")
        hybrid("add", https_server.url("large.git"), env=https_server.env())
        manifest = workspace / "sources.toml"
        text = manifest.read_text().replace("[defaults]\n", RETRY)
        manifest.write_text(text.replace('branch = "main"\n', 'branch = "main"\nlfs = "fetch"\n'))
        hybrid("pin", env=https_server.env())

    beginning(workspace, make)
    https_server.clear_requests()
    return workspace


def _answer(server: HttpsGitServer, told: Mapping[str, object]) -> None:
    found = {"oid": OID, "size": len(CONTENT), "authenticated": True, **told}
    body = json.dumps({"transfer": "basic", "objects": [found]}).encode()
    server.fail_always(200, headers=KIND, body=body, only=BATCH)


@pytest.mark.parametrize(("status", "tries"), [(500, 3), (503, 3), (429, 3)])
def test_what_may_pass_is_tried_again(
    ws: Path, https_server: HttpsGitServer, hybrid: Hybrid, status: int, tries: int
) -> None:
    https_server.fail_always(status, headers=KIND, body=b'{"message": "busy"}', only=BATCH)
    told = hybrid("sync", check=4, env=https_server.env()).err
    assert f"the network failed (http-{status}) after {tries} tries" in told
    assert "batch response:" in told
    assert "lfs/logs" not in told
    # git-lfs tries a 429 once more by itself.
    assert tries <= len(https_server.times(BATCH)) <= 2 * tries
    assert not (ws / "sources/large").exists()


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "access denied"),
        (403, "access denied"),
        (404, "no repository"),
        (410, "no repository"),
        (402, "refuses to send Git LFS content (HTTP 402)"),
    ],
)
def test_what_is_final_is_not(ws: Path, https_server: HttpsGitServer, hybrid: Hybrid, status: int, told: str) -> None:
    https_server.fail_always(status, headers=KIND, body=b'{"message": "over its data quota"}', only=BATCH)
    assert told in hybrid("sync", check=4, env=https_server.env()).err
    assert len(https_server.times(BATCH)) == 1


def test_an_object_that_the_server_lacks(ws: Path, https_server: HttpsGitServer, hybrid: Hybrid) -> None:
    for answer, why in (
        ({"error": {"code": 404, "message": "Object does not exist"}}, f"[{OID}] Object does not exist"),
        ({}, f"it has no object {OID}"),
    ):
        https_server.clear_requests()
        https_server.clear_faults()
        _answer(https_server, answer)
        told = hybrid("sync", check=4, env=https_server.env()).err
        assert why in told
        assert "lacks Git LFS content" in told
        assert len(https_server.times(BATCH)) == 1
    assert "missing: LFS content (lfs-missing)" in hybrid("mirror", "update", "m", env=https_server.env()).out


def test_content_that_is_not_what_its_pointer_names(ws: Path, https_server: HttpsGitServer, hybrid: Hybrid) -> None:
    _answer(https_server, {"actions": {"download": {"href": https_server.url("object")}}})
    https_server.fail_always(200, body=b"y" * len(CONTENT), only="/object")
    found = hashlib.sha256(b"y" * len(CONTENT)).hexdigest()
    told = hybrid("sync", check=5, env=https_server.env()).err
    assert "wrong LFS content" in told
    assert f"expected {OID}, found {found}" in told
    assert len(https_server.times(BATCH)) == 1


def test_credentials_that_are_not_accepted_are_shown_once(
    ws: Path, https_server: HttpsGitServer, hybrid: Hybrid
) -> None:
    https_server.fail_always(401, headers={"WWW-Authenticate": 'Basic realm="x"'}, only=BATCH)
    helper = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "credential.helper",
        "GIT_CONFIG_VALUE_0": "!f() { echo username=u; echo password=expired; }; f",
    }
    told = hybrid("sync", check=4, env={**https_server.env(), **helper}).err
    assert "the server does not accept the credentials that it was given" in told
    # Without them, and with them.
    assert len(https_server.times(BATCH)) == 2


def test_a_login_is_not_asked_for_without_an_end(ws: Path, https_server: HttpsGitServer, hybrid: Hybrid) -> None:
    _answer(https_server, {"actions": {"download": {"href": https_server.url("object")}}})
    https_server.fail_always(401, headers={"WWW-Authenticate": 'Basic realm="x"'}, only="/object")
    assert "access denied" in hybrid("sync", check=4, env=https_server.env()).err


def test_redirects_in_a_circle_come_to_an_end(ws: Path, https_server: HttpsGitServer, hybrid: Hybrid) -> None:
    https_server.redirect("/large.git/info/lfs", https_server.url("large.git/info/lfs"))
    assert "more than 20 redirects" in hybrid("sync", check=4, env=https_server.env()).err


def _login(folder: Path) -> dict[str, str]:
    says = f"!f() {{ test $1 = get && grep -E ^host= >>{folder}/asked; echo username=u; echo password=TOKEN; }}; f"
    return configured({"credential.helper": says})


@pytest.mark.parametrize(
    ("host", "scheme", "hosts", "told"),
    [
        ("127.0.0.1", "https", None, "kept at https://127.0.0.1:"),
        ("127.0.0.1", "https", ["localhost"], "127.0.0.1 is not in [policy] hosts"),
        ("127.0.0.1", "https", ["localhost", "127.0.0.1"], None),
        ("localhost", "https", ["localhost"], None),
        ("localhost", "http", ["localhost"], "leads to http://localhost"),
    ],
)
def test_a_login_is_shown_where_somebody_here_has_named_the_host(
    ws: Path,
    https_server: HttpsGitServer,
    hybrid: Hybrid,
    tmp_path: Path,
    host: str,
    scheme: str,
    hosts: Sequence[str] | None,
    told: str | None,
) -> None:
    if hosts is not None:
        replace(ws / "sources.toml", "[policy]\n", f"[policy]\nhosts = {json.dumps(hosts)}\n")
    env = {**https_server.env(), **_login(tmp_path)}
    kept = {"authenticated": False, "actions": {"download": {"href": f"{scheme}://{host}:{https_server.port}/object"}}}
    _answer(https_server, kept)
    https_server.fail_always(401, headers={"WWW-Authenticate": 'Basic realm="x"'}, only="/object")
    said = hybrid("sync", check=6 if told is not None and "policy" in told else 4, env=env).err
    assert (told or "does not accept the credentials") in said
    asked = (tmp_path / "asked").read_text().split() if (tmp_path / "asked").exists() else []
    assert asked == ([] if told is not None else [f"host={host}:{https_server.port}"])


def test_content_that_another_host_keeps_needs_no_login(
    ws: Path, https_server: HttpsGitServer, hybrid: Hybrid, tmp_path: Path
) -> None:
    href = https_server.url("object", host="127.0.0.1")
    _answer(https_server, {"actions": {"download": {"href": href, "header": {"Authorization": "Bearer x"}}}})
    https_server.fail_always(200, body=CONTENT, only="/object")
    hybrid("sync", env={**https_server.env(), **_login(tmp_path)})
    assert (ws / "sources/large/a.bin").read_bytes() == CONTENT
    assert not (tmp_path / "asked").exists()


def test_content_without_an_end_fills_no_disk(ws: Path, https_server: HttpsGitServer, hybrid: Hybrid) -> None:
    replace(ws / "sources.toml", "[policy]\n", "[policy]\nmax_bytes = 20000\n")
    _answer(https_server, {"actions": {"download": {"href": https_server.url("object")}}})
    https_server.never_end("application/octet-stream", begin=b"", piece=b"y" * 100_000, only="/object")
    assert "has no end" in hybrid("sync", check=4, env=https_server.env()).err


def test_a_server_that_asks_for_a_long_wait_is_not_waited_for(
    ws: Path, https_server: HttpsGitServer, hybrid: Hybrid
) -> None:
    https_server.fail_always(429, headers={**KIND, "Retry-After": "3600"}, body=b'{"message": "busy"}', only=BATCH)
    told = hybrid("sync", check=4, env=https_server.env()).err
    assert "the server asks to wait until " in told
    assert "(http-429)" in told
    assert len(https_server.times(BATCH)) == 1


@pytest.mark.parametrize("href", ["file:///etc/passwd", "//localhost/x"])
def test_an_answer_that_names_nothing_is_final(
    ws: Path, https_server: HttpsGitServer, hybrid: Hybrid, href: str
) -> None:
    _answer(https_server, {"actions": {"download": {"href": href}}})
    assert "lacks Git LFS content" in hybrid("sync", check=4, env=https_server.env()).err
    assert len(https_server.times(BATCH)) <= 2


def test_a_pointer_that_tells_another_size_has_no_content(
    ws: Path, https_server: HttpsGitServer, hybrid: Hybrid, upstream_factory: UpstreamFactory
) -> None:
    large = upstream_factory("large")
    large.commit({"b.bin": POINTER.replace(f"size {len(CONTENT)}", "size 7")})
    hybrid("pin", "large", env=https_server.env())
    _answer(https_server, {"actions": {"download": {"href": https_server.url("object")}}})
    https_server.fail_always(200, body=CONTENT, only="/object")
    told = hybrid("sync", check=4, env=https_server.env()).err
    assert f"it has no object {OID} of 7 bytes" in told


def test_a_host_of_content_that_is_down_is_told_and_not_the_server(
    ws: Path, https_server: HttpsGitServer, hybrid: Hybrid
) -> None:
    with create_server(("127.0.0.1", 0)) as taken:
        place = f"https://localhost:{taken.getsockname()[1]}"
    _answer(https_server, {"actions": {"download": {"href": f"{place}/object"}}})
    told = hybrid("sync", check=4, env=https_server.env()).err
    assert f"the network failed (refused) after 3 tries at {place}, where LFS content is kept" in told
    assert len(https_server.times(BATCH)) <= 6


def test_an_answer_that_leaves_everything_out_is_waited_for_as_long_as_any(
    ws: Path, https_server: HttpsGitServer, hybrid: Hybrid
) -> None:
    replace(ws / "sources.toml", "attempts = 3", "attempts = 1")
    replace(ws / "sources.toml", "[defaults]\n", '[defaults]\nstall = "1s"\n')
    https_server.fail_always(200, headers=KIND, body=b'{"objects": []}', only=BATCH)
    told = hybrid("sync", check=4, env=https_server.env()).err
    assert "less than 1000 bytes/sec of LFS content came for 1 s" in told
    assert "(stalled) after 1 try" in told
