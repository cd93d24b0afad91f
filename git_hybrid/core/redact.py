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
_NO_VALUE = r"(?:command )?not found\b|no such file\b|permission denied\b"
# Tokens by the shape that their makers gave them, and private keys.
_SHAPES = (
    pattern(
        r"\b(?:gh[pousr]_[A-Za-z0-9]{8,}|github_pat_\w{8,}|xox[abeoprs]-[\w-]{8,}"
        r"|gl(?:agent|cbt|dt|ffct|ft|imt|oas|pat|ptt|rtr?|soat|wt)-[\w-]{8,}"
        r"|(?:AKIA|ASIA)[A-Z0-9]{16}|ATATT[\w=-]{20,}|npm_[A-Za-z0-9]{36}|pypi-AgE[\w-]{8,}"
        r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)"
    ),
    pattern(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
)
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (pattern(r"(?i)\b((?:proxy-)?authorization\s*[:=]\s*)[^\"'\r\n\\]+"), rf"\1{HIDDEN}"),
    (pattern(r"(?i)\b((?:set-)?cookie\s*:\s*)[^\"'\r\n\\]+"), rf"\1{HIDDEN}"),
    (pattern(r"(?i)\b(basic|bearer)\s+[a-z0-9+/=_~.-]{8,}"), rf"\1 {HIDDEN}"),
    # No prefix is matched before the word and few letters after it: a long line must cost no time. What a shell says of
    # a program that it does not find ("sshpass: not found") is no value.
    (
        pattern(rf"(?i)({_KEYS}[a-z0-9_.-]{{0,40}}[\"']?\s*[:=]\s*[\"']?)(?!{_NO_VALUE})[^\s\"'&,;\\]{{3,}}"),
        rf"\1{HIDDEN}",
    ),
    (pattern(r"(?i)\b((?:auth|key|sig|x-amz-\w{1,40})=)[^&\s'\"]+"), rf"\1{HIDDEN}"),
    *((shape, HIDDEN) for shape in _SHAPES),
)
# A word in which a secret could stand: from its start alone, since a long line must cost no time.
_WORD = pattern(r"(?<![^\s\"'<>\\])[^\s\"'<>\\]*(?:@|%40|[?#])[^\s\"'<>\\]*")
_PLACE = pattern(r"[^:@]*?(?:[A-Za-z][A-Za-z0-9+.-]{0,20}:/+|(?<![^=(,])//)")
# Who is named before the host. One without a port behind its colon has a password, which may hold a slash.
_USER = pattern(r"[^/?#@%]*(?:@|%40)|[^/?#]*(?::|%3[aA])(?!\d*(?:[/?#]|$)).*(?:@|%40)")
_LAST_AT = pattern(r".*(?:@|%40)", re.DOTALL)
_MAIL = "mailto:"
_COLON = pattern(r":|%3[aA]")
_QUERY = pattern(r"([?#]).*", re.DOTALL)
_FRAGMENT = pattern(r"(#|\?(?![^=&#]*=)).+", re.DOTALL)
_COMMANDS = ("core.sshcommand", "core.askpass")
_PLACES = ("proxy", "insteadof")
_MIRRORS = frozenset({"hybrid.mirrors", "git_hybrid_mirrors"})
# What insteadOf puts in the place of a URL may have a token in its path.
_REWRITTEN = pattern(r"(?i)^(url\.https?://[^/]*/).+(\.(?:push)?insteadof)$")
_SECRET_SETTING = pattern(rf"(?i)(?:extraheader|cookiefile|{_KEYS}(?!\.helper|\..*\.helper))")


def redact(text: str, *, home: str = "", sent: bool = False) -> str:
    """Return *text* without secrets: ``***`` stands in their place, and ``~`` in that of the folder *home*.

    *sent*: it leaves the machine, so no URL in it keeps a query. What a server says keeps those that name what they ask
    for, since they may be where to log in.
    """
    text = _WORD.sub(lambda found: _without_secret(found[0], sent=sent), text)
    for rule, replacement in _RULES:
        text = rule.sub(replacement, text)
    home = home.rstrip("/")
    return re.sub(rf"{re.escape(home)}(?![\w.-])", "~", text) if home else text


def _without_secret(word: str, *, sent: bool) -> str:
    """Return *word* without what stands before the last ``@`` of a place, users too, and behind its ``?`` or ``#``.

    A password may hold a slash, a colon, or an ``@`` of its own, also percent-encoded (RFC 3986, 2.1); so no grammar
    tells where it ends. An e-mail address is no place.
    """
    place = _PLACE.match(word)
    if place is None:
        colon, last = _COLON.search(word, len(_MAIL) if word.startswith(_MAIL) else 0), _LAST_AT.match(word)
        if colon is None or last is None or colon.start() > last.end():
            return word
        # KEY=user:password@host, and a file that is named so.
        before = max(word.rfind(mark, 0, colon.start()) for mark in ("=/(" if word.startswith("/") else "=("))
        return f"{word[: before + 1]}{HIDDEN}@{word[last.end() :]}"
    return place[0] + _bare(word[place.end() :], sent=sent, is_file=place[0].lower().endswith("file:///"))


def _bare(text: str, *, sent: bool, is_file: bool) -> str:
    """Return what follows the ``://`` of a place without a secret; that of a file has no user."""
    last = None if is_file else _LAST_AT.match(text)
    text = text if last is None else f"{HIDDEN}@{text[last.end() :]}"
    return (_QUERY if sent else _FRAGMENT).sub(rf"\1{HIDDEN}", text)


def redact_place(text: str, *, home: str = "") -> str:
    """Return *text*, which names a place on the network or a folder, without secrets, whatever else is in it."""
    place = _PLACE.match(text)
    if place is not None or not text.startswith(("/", "~", "./")):
        start = "" if place is None else place[0]
        text = start + _bare(text[len(start) :], sent=True, is_file=start.lower().endswith("file:///"))
    return redact(text, home=home, sent=True)


def redact_typed(text: str) -> str:
    """Return *text* of our own, with what a user typed, without secrets in places.

    A URL that the grammar takes has none, and has to be told so that it can be typed.
    """
    return _WORD.sub(lambda found: found[0] if _is_url(found[0]) else _without_secret(found[0], sent=True), text)


def _is_url(word: str) -> bool:
    # Imported here: what tells of a library that is broken needs none.
    from git_hybrid.core.ids import InvalidText, parse_url  # noqa: PLC0415

    try:
        parse_url(word)
    except InvalidText:
        return False
    return True


def has_secret(text: str) -> bool:
    """Tell whether *text*, which a user typed, holds a URL with a secret, or a token or a key by its shape.

    What is kept for good must hold none. Words such as ``token: none`` are prose, and so is an ``@`` in a path.
    """
    return any(shape.search(text) for shape in _SHAPES) or any(_is_secret(found[0]) for found in _WORD.finditer(text))


def _is_secret(word: str) -> bool:
    place = _PLACE.match(word)
    if place is None or place[0].lower().endswith("file:///"):
        return False
    rest = word[place.end() :]
    user = _USER.match(rest)
    # ssh has a user in every URL; that of another scheme may be a token.
    if user is not None and (_COLON.search(user[0]) or not place[0].lower().endswith("ssh://")):
        return True
    query = _QUERY.search(rest)
    return query is not None and any(rule.search(query[0]) for rule, _ in _RULES)


def redact_setting(key: str, value: str, *, home: str = "") -> str:
    """Return the *value* of a setting of git without secrets; *key* is in lower case."""
    if key.startswith("credential.") and key.endswith(".helper") and value.lstrip().startswith("!"):
        return f"!{HIDDEN}"
    # The name of a helper, or of what stands in for ssh, is no secret; its options and its environment may be.
    if (key.startswith("credential.") and key.endswith("helper")) or key in _COMMANDS:
        program = next(iter(value.split()), "")
        return HIDDEN if "=" in program else redact(program, home=home)
    if _SECRET_SETTING.search(key) and not key.startswith("credential."):
        return HIDDEN
    if key in _MIRRORS:
        return ",".join(redact_place(item, home=home) for item in value.split(","))
    return (redact_place if key.endswith(_PLACES) else redact)(value, home=home)


def redact_key(key: str) -> str:
    """Return the name of a setting of git without what a URL in it may hide (``http.https://user:secret@host/.proxy``)."""
    return _REWRITTEN.sub(rf"\1{HIDDEN}\2", redact(key, sent=True))
