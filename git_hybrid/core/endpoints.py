"""Where a source may be asked for: mirrors in order, and perhaps its own URL.

The list follows GOPROXY: ``direct`` allows the source's own URL, ``off`` ends the list and forbids what would follow.
"""

from __future__ import annotations

from git_hybrid.core.ids import InvalidText, SourceName, Url, parse_url
from git_hybrid.core.pattern import pattern, remembered
from git_hybrid.core.value import Struct

DIRECT, OFF = "direct", "off"
_PLACEHOLDERS = ("{host}", "{path}", "{name}")
_SAFE = "/!&'()*+,;=:@~"
_PLAIN = pattern(r"[A-Za-z0-9._/!&'()*+,;=:@~-]*")
_SLASHES = pattern(r"/{2,}")
_OWN_PORTS = {"https": 443, "ssh": 22}


class Endpoint(Struct, frozen=True):
    """One URL to ask; ``base`` is the mirror's base URL, None for the source's own URL."""

    url: str
    base: str | None


class Mirrors(Struct, frozen=True):
    """The parsed list: base URLs (or ``direct``) in the order in which they are tried.

    The first ``passed`` of them are not asked any more: what they have was not what is wanted.
    """

    entries: tuple[str, ...] = (DIRECT,)
    passed: int = 0

    @property
    def left(self) -> tuple[str, ...]:
        """The entries that may be asked."""
        return self.entries[self.passed :]

    def after(self, entry: str) -> Mirrors:
        """Return the list with *entry* passed, and all that stand before it."""
        return Mirrors(self.entries, self.entries.index(entry, self.passed) + 1)


def parse_mirrors(text: str) -> Mirrors:
    """Return the list of mirrors in *text*; an empty text means ``direct``.

    Raises:
        InvalidText: an entry is no URL that may be asked, or there is text and no entry.
    """
    if not text:
        return Mirrors()
    entries: list[str] = []
    for part in (item.strip() for item in text.split(",")):
        if part == OFF:
            return Mirrors(tuple(entries))
        if part == DIRECT:
            entries.append(DIRECT)
        elif part:
            entries.append(check_base(part))
    if not entries:
        # Such as "$A,$B" with neither set: whoever wrote that meant to keep away from the source's own URL.
        raise InvalidText("names no server: write base URLs, direct or off, with commas between them")
    return Mirrors(tuple(entries))


def check_base(base: str) -> str:
    """Return *base* if it is a base URL of a mirror.

    Raises:
        InvalidText: it is no URL that may be asked, or has a placeholder that is not known.
    """
    filled = base
    for placeholder in _PLACEHOLDERS:
        filled = filled.replace(placeholder, "x")
    if "{" in filled or "}" in filled:
        raise InvalidText("knows only the placeholders {host}, {path} and {name}")
    # A base may be a host alone, which no repository is.
    parse_url(filled.rstrip("/") + "/x" if filled == base and "://" in base else filled)
    return base


def endpoints(url: Url, name: SourceName, mirrors: Mirrors) -> tuple[Endpoint, ...]:
    """Return the URLs to ask for the source *name* at *url*, in order; none: the network is forbidden."""
    return tuple(
        Endpoint(str(url), None) if entry == DIRECT else Endpoint(mirror_url(entry, url, name), entry)
        for entry in mirrors.left
    )


def mirror_url(base: str, url: Url, name: SourceName) -> str:
    """Return where the mirror at *base* serves *url*: ``<base>/<host>/<path>.git``, or *base* with fields filled.

    What has a field is taken as it is written; only a path at its end gets its ``.git``.
    """
    host, path = _host_and_path(url)
    if not any(placeholder in base for placeholder in _PLACEHOLDERS):
        return f"{base.rstrip('/')}/{host}/{path}.git"
    written = base.rstrip("/")
    if written.endswith("{path}"):
        written += ".git"
    return written.replace("{host}", host).replace("{path}", path).replace("{name}", name)


def folder_url(folder: str) -> str:
    """Return the URL of a *folder* of this machine, or a file in it; what no URL may hold is percent-encoded."""
    if _PLAIN.fullmatch(folder):
        return f"file://{folder}"
    from urllib.parse import quote  # noqa: PLC0415

    return f"file://{quote(folder, safe=_SAFE, errors='surrogateescape')}"


def folder_of(url: str) -> str:
    """Return the folder, or the file, of this machine that *url* names."""
    path = url.removeprefix("file://")
    if "%" not in path:
        return path
    from urllib.parse import unquote  # noqa: PLC0415

    return unquote(path, errors="surrogateescape")


def repository_path(url: Url) -> str:
    """Return where a mirror keeps the repository at *url*, relative to its base: ``<host>/<path>.git``."""
    host, path = _host_and_path(url)
    return f"{host}/{path}.git"


def same_repository(url: Url, other: Url) -> bool:
    """Tell whether two URLs lead to one repository (:func:`repository_key`)."""
    return url == other or repository_key(url) == repository_key(other)


@remembered
def repository_key(url: Url) -> tuple[str, str]:
    """Return what two URLs have in common that lead to one repository, however they are written.

    Scheme, user, the port that a scheme has anyway, slashes, percent-encoding and ``.git`` at the end make no other.
    Nor does letter case on a server: the large ones do not tell it apart, and where one does, an approval is asked for
    that a stranger's repository needs as well.
    """
    port = "" if url.port in (None, _OWN_PORTS.get(url.scheme)) else f":{url.port}"
    path = url.path
    if "%" in path:
        from urllib.parse import unquote  # noqa: PLC0415

        path = unquote(path, errors="surrogateescape")
    host = url.host or "localhost"
    if host != "localhost":
        path = path.casefold()
    path = _SLASHES.sub("/", path).strip("/").removesuffix(".git").rstrip("/")
    return f"{host}{port}", path


def leads_to(text: str, url: Url) -> bool:
    """Tell whether *text* is a URL of the repository at *url*."""
    try:
        return text == str(url) or same_repository(parse_url(text), url)
    except InvalidText:
        return False


def _host_and_path(url: Url) -> tuple[str, str]:
    host = url.host.strip("[]").replace(":", "_") or "localhost"
    if url.port is not None:
        host = f"{host}_{url.port}"
    return host, url.path.strip("/").removesuffix(".git")
