"""Names and identifiers, parsed once at the edge.

Every constructor here takes text from outside and either returns a value that the rest of the program may trust or
raises :class:`InvalidText` with the reason. Nothing inside parses these texts a second time.
"""

from __future__ import annotations

import re
from typing import NewType

from git_hybrid.core.pattern import pattern, remembered
from git_hybrid.core.value import Struct

Oid = NewType("Oid", str)
"""A full object id: 40 (SHA-1) or 64 (SHA-256) lower-case hex digits."""

SourceName = NewType("SourceName", str)
"""The name of a source: also the name of its folder below ``sources/``."""

RefName = NewType("RefName", str)
"""A full ref name below ``refs/heads/`` or ``refs/tags/``."""

RunId = NewType("RunId", str)
"""A ULID: the command id of one run that writes."""

_HEX_PREFIX = pattern(r"[0-9a-f]{7,63}")
_NAME = pattern(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HOST = pattern(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")
_IPV6 = pattern(r"\[[0-9A-Fa-f:]+\]")
_USER = pattern(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_PATH = pattern(r"/[A-Za-z0-9._~%!&'()*+,;=:@/-]*")
_URL = pattern(r"(?P<scheme>[a-z]+)://(?P<authority>[^/]*)(?P<path>/.*)?", re.DOTALL)
_SCP = pattern(
    r"(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9_.+-]*)@)?(?P<host>\[[0-9A-Fa-f:]+\]|[A-Za-z0-9][A-Za-z0-9.-]*):(?P<path>/?[^:/][^:]*)"
)
_BAD_PERCENT = pattern(r"%(?:0[0-9a-f]|1[0-9a-f]|7f|2e|2f|5c)", re.IGNORECASE)
_PERCENT = pattern(r"%(?![0-9A-Fa-f]{2})")
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{stem}{digit}" for stem in ("com", "lpt") for digit in range(1, 10)}
)
# Halves of a pair: what of a name is no UTF-8. No file of the workspace could hold it.
_REF_FORBIDDEN = pattern(r"[\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]|\.\.|@\{|//|/\.|\.lock(?:/|$)")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RUN_ID = pattern(f"[0-7][{_CROCKFORD}]{{25}}")
# Before the first or behind the others a secret may stand, percent-encoded or not.
_HIDING = ("@", "?", "#", "%40", "%3a", "%3f", "%23")
_OF_GIT = ("file", "ftp", "ftps", "git", "http", "https", "ssh")
_NO_LOGIN = "credentials do not belong in a URL: use a git credential helper or an ssh agent"
_SCHEMES = "only https://, ssh:// and file:/// URLs are allowed"
NAME_LIMIT = 100
URL_LIMIT = 2000


class InvalidText(ValueError):
    """A text outside its grammar; ``str()`` is the reason, without the text itself."""


@remembered
def parse_oid(text: str) -> Oid:
    """Return *text* as an object id.

    Raises:
        InvalidText: it is not 40 or 64 lower-case hex digits.
    """
    if not is_oid(text):
        raise InvalidText("not a full commit id (40 or 64 lower-case hex digits)")
    return Oid(text)


def is_oid(text: str) -> bool:
    """Tell whether *text* is an object id: 40 or 64 lower-case hex digits."""
    return len(text) in (40, 64) and not text.strip("0123456789abcdef")


def is_oid_prefix(text: str) -> bool:
    """Tell whether *text* looks like a shortened object id (7 hex digits or more)."""
    return _HEX_PREFIX.fullmatch(text) is not None


@remembered
def parse_name(text: str) -> SourceName:
    """Return *text* as the name of a source.

    Raises:
        InvalidText: it could not be a folder name everywhere, or git gives it a meaning.
    """
    if len(text) > NAME_LIMIT:
        raise InvalidText(f"longer than {NAME_LIMIT} characters")
    if _NAME.fullmatch(text) is None:
        raise InvalidText("must start with a letter or digit and hold only letters, digits, '.', '_' and '-'")
    lowered = text.lower()
    if ".." in text or text.endswith("."):
        raise InvalidText("must not contain '..' or end with a dot")
    if lowered.endswith((".lock", ".git")):
        raise InvalidText("must not end with '.lock' or '.git'")
    if lowered.split(".", 1)[0] in _DEVICES:
        raise InvalidText("is a device name on Windows")
    return SourceName(text)


@remembered
def parse_ref_part(text: str) -> str:
    """Return *text* as the short name of a branch or tag (rules of git-check-ref-format).

    Raises:
        InvalidText: git would refuse the name, or read it as something else.
    """
    if not text or len(text) > NAME_LIMIT * 2:
        raise InvalidText("must be 1 to 200 characters long")
    if _REF_FORBIDDEN.search(text) or text.startswith(("-", ".", "/")) or text.endswith((".", "/")) or text == "@":
        raise InvalidText("is not a valid git ref name (see git-check-ref-format)")
    return text


def branch_ref(short: str) -> RefName:
    """Return the full ref name of a branch."""
    return RefName(f"refs/heads/{short}")


def tag_ref(short: str) -> RefName:
    """Return the full ref name of a tag."""
    return RefName(f"refs/tags/{short}")


def short_ref(ref: str) -> str:
    """Return *ref* without ``refs/heads/`` or ``refs/tags/``."""
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


@remembered
def parse_full_ref(text: str) -> RefName:
    """Return *text* as a full branch or tag ref.

    Raises:
        InvalidText: it is not below ``refs/heads/`` or ``refs/tags/``, or not a valid ref name.
    """
    if not text.startswith(("refs/heads/", "refs/tags/")):
        raise InvalidText("must start with refs/heads/ or refs/tags/")
    parse_ref_part(short_ref(text))
    return RefName(text)


def is_full_ref(text: str) -> bool:
    """Tell whether *text* is a full branch or tag ref."""
    try:
        parse_full_ref(text)
    except InvalidText:
        return False
    return True


class Url(Struct, frozen=True):
    """A repository URL that passed the grammar, as its parts; ``str()`` builds it again from them."""

    scheme: str
    user: str
    host: str
    port: int | None
    path: str

    def __str__(self) -> str:
        """Return the URL rebuilt from its parts."""
        user = f"{self.user}@" if self.user else ""
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{user}{self.host}{port}{self.path}"


@remembered
def parse_url(text: str) -> Url:
    """Return *text* as a repository URL: ``https://``, ``ssh://`` or ``file:///``.

    The grammar is an allow-list; what it does not name is refused.

    Raises:
        InvalidText: another scheme, a password, a query, a control byte, ``..`` or anything else outside the grammar.
    """
    if len(text) > URL_LIMIT:
        raise InvalidText(f"longer than {URL_LIMIT} characters")
    match = _URL.fullmatch(text)
    scheme = match["scheme"] if match else ""
    if match is None or scheme not in ("https", "ssh", "file"):
        raise InvalidText(f"{_SCHEMES}{_rewritten(text)}")
    user, host, port = _split_authority(match["authority"], scheme)
    path = _checked_path(match["path"] or "")
    if scheme == "ssh" and not user and "@" in path:
        # user:token@host is such a path behind the host "user", to git too, and all processes would see it.
        raise InvalidText(f"{_NO_LOGIN}; where the path has an @, name the user: ssh://user@host/path")
    return Url(scheme, user, host, port, path)


def _rewritten(text: str) -> str:
    """Return how *text* is written as a URL if it is user@host:path, as a clause; any user but git may be a secret."""
    scp = _SCP.fullmatch(text)
    if scp is None or not scp["user"]:
        return ""
    if shown_url(text) != text:
        return ": user@host:path is written ssh://user@host/path"
    return f": write ssh://{scp['user']}@{scp['host']}/{scp['path'].removeprefix('/')}"


def _split_authority(authority: str, scheme: str) -> tuple[str, str, int | None]:
    if scheme == "file":
        if authority:
            raise InvalidText("a file URL has no host: write file:///absolute/path")
        return "", "", None
    user, at, rest = authority.rpartition("@")
    if at and (scheme != "ssh" or _USER.fullmatch(user) is None):
        raise InvalidText(_NO_LOGIN)
    literal = _IPV6.match(rest)
    host = literal[0] if literal else rest.split(":", 1)[0]
    if not literal and _HOST.fullmatch(host) is None:
        raise InvalidText("the host is missing or not a valid host name")
    port = rest[len(host) :]
    if port and not (re.fullmatch(r":[0-9]{1,5}", port) and 0 < int(port[1:]) < 65536):
        raise InvalidText("the port is not a number from 1 to 65535")
    return user, host.lower(), int(port[1:]) if port else None


def _checked_path(path: str) -> str:
    if path.strip("/") == "" or _PATH.fullmatch(path) is None or _PERCENT.search(path):
        raise InvalidText("the path is missing or holds characters that are not allowed (no query, fragment, space, $)")
    if _BAD_PERCENT.search(path):
        raise InvalidText("the path hides a control byte, dot, slash or backslash behind percent-encoding")
    segments = path.split("/")[1:]
    if any(segment in (".", "..") for segment in segments):
        raise InvalidText("a path segment is '.' or '..'")
    return path


def normalize_url(text: str) -> Url:
    """Return what a user typed as a URL: ``user@host:path`` becomes ``ssh://user@host/path``.

    Raises:
        InvalidText: as :func:`parse_url`.
    """
    scp = _SCP.fullmatch(text)
    if scp is not None and "://" not in text and (scp["user"] or _is_meant(scp["host"], scp["path"])):
        user = f"{scp['user']}@" if scp["user"] else ""
        return parse_url(f"ssh://{user}{scp['host']}/{scp['path'].removeprefix('/')}")
    if _URL.fullmatch(text) is None:
        form = "user@host:path, of letters and digits but for . _ - + and no other colon" if "@" in text else ""
        raise InvalidText(f"{_SCHEMES}, and {form or 'user@host:path'}")
    return parse_url(text)


def _is_meant(host: str, path: str) -> bool:
    """Tell whether ``host:path`` without a user is an address: C:x is a drive, and file:/srv is a scheme mistyped."""
    return len(host) > 1 and not (path.startswith("/") and host.lower() in _OF_GIT)


def shown_url(text: str) -> str:
    """Return *text*, no valid URL, as a message may show it: not where a secret may stand in it (``git@`` is none)."""
    rest = text.removeprefix("ssh://").removeprefix("git@").lower()
    return "(hidden)" if any(mark in rest for mark in _HIDING) else text[:200]


def shown_text(text: str) -> str:
    """Return *text*, which was to be no URL, as a message may show it: as :func:`shown_url` where it may be one."""
    return shown_url(text) if ":" in text or "//" in text else text[:200]


def name_from_url(url: Url) -> str:
    """Return the name that a source gets by default: the last part of the path without ``.git``."""
    return url.path.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")


def make_run_id(*, milliseconds: int, random: bytes) -> RunId:
    """Return a ULID of *milliseconds* since 1970 and 10 *random* bytes (https://github.com/ulid/spec)."""
    number = (milliseconds << 80) | int.from_bytes(random[:10], "big")
    return RunId("".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5)))


def parse_run_id(text: str) -> RunId:
    """Return *text* as a run id.

    Raises:
        InvalidText: it is not a ULID.
    """
    if _RUN_ID.fullmatch(text) is None:
        raise InvalidText("not a command id (ULID of 26 characters)")
    return RunId(text)
