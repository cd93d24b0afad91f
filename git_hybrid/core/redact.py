"""Take what could be a secret out of text: what servers and git wrote, settings, and all that leaves the machine. Pure.

It errs on the side of hiding: what looks like a secret is one.
"""

from __future__ import annotations

import re

from git_hybrid.core.pattern import pattern

HIDDEN = "***"

_KEYS = (
    r"(?:pass(?:word|wd|phrase)?|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|client[-_]?secret|credential"
    r"|signature)"
)
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # Everything between :// and the last @ before the path (RFC 3986, 3.2.1); user names are hidden too.
    (pattern(r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)[^/\s\"'<>\\]*@"), rf"\1{HIDDEN}@"),
    (pattern(r"(?i)\b((?:proxy-)?authorization\s*[:=]\s*)[^\"'\r\n\\]+"), rf"\1{HIDDEN}"),
    (pattern(r"(?i)\b((?:set-)?cookie\s*:\s*)[^\"'\r\n\\]+"), rf"\1{HIDDEN}"),
    (pattern(r"(?i)\b(basic|bearer)\s+[a-z0-9+/=_~.-]{8,}"), rf"\1 {HIDDEN}"),
    # No prefix is matched before the word and few letters after it: a long line must cost no time.
    (
        pattern(rf"(?i)({_KEYS}[a-z0-9_.-]{{0,40}}[\"']?\s*[:=]\s*[\"']?)[^\s\"'&,;\\]{{3,}}"),
        rf"\1{HIDDEN}",
    ),
    (pattern(r"(?i)\b((?:auth|key|sig|x-amz-\w{1,40})=)[^&\s'\"]+"), rf"\1{HIDDEN}"),
    # Tokens by the shape that their makers gave them.
    (
        pattern(
            r"\b(?:gh[pousr]_[A-Za-z0-9]{8,}|github_pat_\w{8,}|gl[a-z]{2,6}-[\w-]{8,}|xox[abeoprs]-[\w-]{8,}"
            r"|(?:AKIA|ASIA)[A-Z0-9]{16}|ATATT[\w=-]{20,}|npm_[A-Za-z0-9]{8,}|pypi-[\w-]{8,}"
            r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)"
        ),
        HIDDEN,
    ),
    (pattern(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
)
_SECRET_SETTING = pattern(rf"(?i)(?:extraheader|cookiefile|{_KEYS}(?!\.helper|\..*\.helper))")


def redact(text: str, *, home: str = "") -> str:
    """Return *text* without secrets: ``***`` stands in their place, and ``~`` in that of the folder *home*."""
    for rule, replacement in _RULES:
        text = rule.sub(replacement, text)
    home = home.rstrip("/")
    return re.sub(rf"{re.escape(home)}(?![\w.-])", "~", text) if home else text


def redact_setting(key: str, value: str, *, home: str = "") -> str:
    """Return the *value* of a setting of git without secrets; *key* is in lower case."""
    if key.startswith("credential.") and key.endswith(".helper") and value.lstrip().startswith("!"):
        return f"!{HIDDEN}"
    # The name of a helper, or of what stands in for ssh, is no secret; its options and its environment may be.
    if (key.startswith("credential.") and key.endswith("helper")) or key == "core.sshcommand":
        program = next(iter(value.split()), "")
        return HIDDEN if "=" in program else redact(program, home=home)
    if _SECRET_SETTING.search(key) and not key.startswith("credential."):
        return HIDDEN
    return redact(value, home=home)


def redact_key(key: str) -> str:
    """Return the name of a setting of git without what a URL in it may hide (``http.https://user:secret@host/.proxy``)."""
    return redact(key)
