"""Take what could be a secret out of text that a server, git or a configuration wrote."""

from __future__ import annotations

import re

HIDDEN = "***"
# Not only what looks like a token: where git or a server repeats a header or a URL, the value is hidden whatever it is.
_RULES = (
    re.compile(r"(?P<keep>[a-z][a-z0-9+.-]*://)[^/@\s'\"]+(?=@)", re.IGNORECASE),
    re.compile(r"(?P<keep>\b(?:proxy-)?authorization:\s*(?:\w+\s+)?)\S+", re.IGNORECASE),
    re.compile(r"(?P<keep>\b(?:private-token|x-[a-z-]*token|set-cookie|cookie):\s*)\S+", re.IGNORECASE),
    re.compile(r"(?P<keep>\b(?:bearer|basic)\s+)[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE),
    re.compile(
        r"(?P<keep>\b(?:access_?token|token|auth|api_?key|key|passw(?:or)?d|secret|signature|sig|x-amz-\w+)=)[^&\s'\"]+",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<keep>)\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|AKIA|npm_|pypi-)[A-Za-z0-9_-]{8,}"),
)


def redact(text: str) -> str:
    """Return *text* with userinfo of URLs, credentials of headers and queries, and well-known tokens hidden."""
    for rule in _RULES:
        text = rule.sub(rf"\g<keep>{HIDDEN}", text)
    return text
