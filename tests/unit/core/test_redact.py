from __future__ import annotations

import pytest

from git_hybrid.core.redact import redact

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
