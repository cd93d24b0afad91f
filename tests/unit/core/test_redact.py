"""No secret leaves in what is made to be sent: planted ones are found again nowhere."""

from __future__ import annotations

import json
import time

import pytest

from git_hybrid.core.redact import has_secret, redact, redact_key, redact_place, redact_setting, redact_typed

CANARY = "c4n4ryS3cr3t99"


@pytest.mark.parametrize(
    "text",
    [
        f"https://user:{CANARY}@host/path",
        f"HTTPS://{CANARY}@host/path",
        f"https://user:p@{CANARY}@host/",
        f"http_proxy=http://u:{CANARY}@proxy:3128",
        f"https://u:s/{CANARY}@host/x",
        f"https://u%3A{CANARY}%40host/x",
        f"https://host/x#{CANARY}",
        f"https://host/x?{CANARY}",
        f"//u:{CANARY}@host/x",
        f"insteadOf=//{CANARY}@host/x",
        f"HTTPS_PROXY=deploy:p={CANARY}@proxy:3128",
        f"deploy:{CANARY}@host:team/x",
        f"deploy%3a{CANARY}%40host",
        f"/srv/git/https:/u:{CANARY}@host/x",
        f"/srv/git/deploy:{CANARY}@host:x",
        f"Authorization: Basic {CANARY}{CANARY}",
        f"http.extraheader=AUTHORIZATION: bearer {CANARY}",
        f"Proxy-Authorization: Digest username={CANARY}, response={CANARY}",
        f"bearer {CANARY}",
        f"Cookie: session={CANARY}",
        f"set-cookie: session={CANARY}; secure",
        f"password={CANARY}",
        f"https://host/x?private_token={CANARY}&y=1",
        f'"api_key": "{CANARY}"',
        f"token = '{CANARY}'",
        f"GITLAB_TOKEN={CANARY}",
        f"client-secret: {CANARY}",
        "ghp_" + CANARY * 3,
        "github_pat_" + CANARY * 3,
        "glpat-" + CANARY * 2,
        "xoxb-" + CANARY,
        "npm_" + CANARY * 3,
        "eyJ" + CANARY + "." + CANARY + "." + CANARY,
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{CANARY}\n-----END OPENSSH PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{CANARY}",
    ],
)
def test_a_secret_is_hidden(text):
    shown = redact(f"before {text}")
    assert CANARY not in shown
    assert "***" in shown
    assert shown.startswith("before ")


def test_aws_keys_are_hidden():
    assert redact("id AKIAIOSFODNN7EXAMPLE x") == "id *** x"


@pytest.mark.parametrize(
    "text",
    [
        "https://host.example/group/tool",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "Ada <ada@example.org>",
        "a basic idea",
        'name = "secrets"',
        '"secrets": {"state": "clean"}',
        "sources/token-lib is dirty",
        'rule = "generic-api-key"',
        "git@host.example:group/tool",
        "approved by mailto:bea@example.org",
        "file:///srv/tools@2/x",
        "sources/tool@2/x: why?",
        "12:30 by Ada <ada@example.org>: 3",
        "log in at https://host.example/sso?request=1&b=2",
        "glibc-regression, global-settings, npm_lifecycle_event, pypi-attestations",
        "sh: 1: sshpass: not found",
        "sh: line 1: git-credential-vault: command not found",
        "gpg-token: Permission denied",
    ],
)
def test_what_is_no_secret_stays(text):
    assert redact(text, home="/nowhere") == text


@pytest.mark.parametrize(
    "text",
    [
        f"https://user:{CANARY}@host/path, and more",
        f"(HTTPS://{CANARY}@host/path)",
        f"https://u:s/{CANARY}@host/x",
        f"https://u%3A{CANARY}%40host/x",
        f"ssh://git:{CANARY}@host/x",
        f"//u:{CANARY}@host/x",
        f"https://host/x?private_token={CANARY}",
        f"https://host/x#access_token={CANARY}",
        f"ghp_{CANARY}",
        f"-----BEGIN PRIVATE KEY-----\n{CANARY}",
    ],
)
def test_what_may_not_be_kept_for_good_has_a_secret(text: str) -> None:
    assert has_secret(f"see {text}")


@pytest.mark.parametrize(
    "text",
    [
        "by bea@x.org, see https://tracker.example/show?id=7#comment-5",
        "(https://npm.example/package/@scope/tool) or https://go.example:443/tool@v1.2",
        "ssh://git@host.example/tool, git@host.example:tool; approved by:bea@x.org",
        "file:///srv/tools@2/x?token=none has a bad signature: no key",
        "the new password: see the vault; basic authentication is gone",
    ],
)
def test_what_may_be_kept_has_none(text: str) -> None:
    assert not has_secret(text)


def test_json_with_a_url_stays_json():
    text = json.dumps({"a": f"https://u:{CANARY}@h/x", "b": f"Authorization: {CANARY}", "c": "x"})
    assert json.loads(redact(text)) == {"a": "https://***@h/x", "b": "Authorization: ***", "c": "x"}


def test_the_home_folder_is_a_tilde():
    assert redact("/people/ada/x /people/adamant /people/ada", home="/people/ada/") == "~/x /people/adamant ~"
    assert redact("/x", home="/") == "/x"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("http.extraheader", CANARY),
        ("http.https://host/.extraheader", CANARY),
        ("http.cookiefile", CANARY),
        ("hybrid.token", CANARY),
        ("credential.helper", f"!f() {{ echo password={CANARY}; }}; f"),
        ("credential.https://host.helper", f" !echo {CANARY}"),
        ("credential.helper", f"store --file={CANARY}"),
        ("core.sshcommand", f"sshpass -p {CANARY} ssh"),
        ("core.sshcommand", f"X={CANARY} sshpass -e ssh"),
        ("core.askpass", f"echo {CANARY}"),
        ("http.proxy", f"http://u:{CANARY}@p"),
        ("http.https://host/.proxy", f"u:{CANARY} with a blank@p"),
        ("https_proxy", f'u:{CANARY}"x@p:3128'),
        ("git_hybrid_mirrors", f"https://host/x?{CANARY}=1"),
        ("hybrid.mirrors", f"u:{CANARY}@h:x,direct"),
        ("url.https://x/.insteadof", f"https://{CANARY}@host/"),
    ],
)
def test_settings(key, value):
    assert CANARY not in redact_setting(key, value)


def test_settings_that_are_no_secret():
    assert redact_setting("credential.helper", "osxkeychain") == "osxkeychain"
    assert redact_setting("credential.usehttppath", "true") == "true"
    assert redact_setting("hybrid.jobs", "4") == "4"
    assert redact_setting("core.sshcommand", " /h/me/ssh -i x", home="/h/me") == "~/ssh"
    assert redact_setting("core.sshcommand", "") == ""
    assert (
        redact_setting("hybrid.mirrors", "https://a/x,https://t@b/{path},direct")
        == "https://a/x,https://***@b/{path},direct"
    )
    for place in ("/srv/mirror@2", "~/mirror", "file:///srv/mirror@2", "proxy.corp:3128", "localhost,.corp"):
        assert redact_place(place) == place
    assert redact_place("/h/me/mirror", home="/h/me") == "~/mirror"


def test_a_url_that_is_none_is_told_without_its_secrets_and_one_that_is_can_be_typed() -> None:
    assert redact_typed(f"no such source: https://u:{CANARY}@h/x") == "no such source: https://***@h/x"
    assert redact_typed(f"'https://h/x?{CANARY}=1': no such file") == "'https://h/x?***': no such file"
    for told in (
        "git hybrid add ssh://git@h/x@2",
        "secrets: https://h/x@2 is dirty",
        "--approver Ada <ada@example.org>",
    ):
        assert redact_typed(told) == told
    assert redact_key(f"url.https://h/{CANARY}/.insteadof") == "url.https://h/***.insteadof"
    assert redact_key("url.git@h:.pushinsteadof") == "url.git@h:.pushinsteadof"
    assert redact_key(f"http.https://u:{CANARY}@h/.proxy") == "http.https://***@h/.proxy"


TOKEN = "s3cr3t-canary-0123456789"


@pytest.mark.parametrize(
    "text",
    [
        f"fatal: unable to access 'https://user:{TOKEN}@host/x.git/': refused",
        f"https://{TOKEN}@host/x",
        f"Authorization: Bearer {TOKEN}",
        f"authorization: Basic {TOKEN}",
        f"Proxy-Authorization: {TOKEN}",
        f"PRIVATE-TOKEN: {TOKEN}",
        f"X-Vault-Token: {TOKEN}",
        f"Set-Cookie: {TOKEN}; path=/",
        f"your bearer {TOKEN} has expired",
        f"redirecting to https://host/x?token={TOKEN}&a=b",
        f"https://host/x?X-Amz-Signature={TOKEN}",
        f"password={TOKEN}",
        f"ghp_{TOKEN.replace('-', '')}",
        f"glpat-{TOKEN}",
    ],
)
def test_what_could_be_a_secret_is_hidden(text: str) -> None:
    assert TOKEN not in redact(text)
    assert TOKEN.replace("-", "") not in redact(text)
    assert "***" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "fatal: unable to access 'https://host:8443/group/x.git/': Could not resolve host",
        "ssh: connect to host example.org port 22: Connection refused",
        "error: object 0123456789abcdef0123456789abcdef01234567: hasDotgit: contains '.git'",
        "mail ada@example.org about the basic rules",
        "",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert redact(text) == text


def test_a_long_line_costs_no_time():
    begin = time.process_time()
    for text in (
        "a.b-" * 100_000,
        "token" * 50_000,
        "x" * 400_000,
        "pypi-" * 50_000,
        "a://" * 50_000,
        "x" * 400_000 + "@",
        "a:=@" * 50_000,
    ):
        redact(text)
    assert time.process_time() - begin < 10
