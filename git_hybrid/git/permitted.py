"""Whether a server may be asked without git: only where neither settings nor environment of the user have a say."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult

from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct
from git_hybrid.git.apart import settings_of_user
from git_hybrid.git.environment import child_environment
from git_hybrid.git.network import ASKING
from git_hybrid.git.run import Runner, items

_LOGINS = ("credential.", "core.askpass")
_SETTINGS = r"^((http|url|remote|protocol|credential)\.|core\.askpass$)"
_AUTHORITIES = "http.sslcainfo"
_HARMLESS = (_AUTHORITIES, "http.postbuffer")
_VARIABLES = pattern(
    r"(https?|all)_proxy|GIT_SSL_(?!CAINFO$).*|GIT_PROXY_.*|GIT_HTTP_.*",
    re.IGNORECASE,
)
_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE")
# Where systems keep what git trusts; Python's own OpenSSL may have been built to look elsewhere.
_SYSTEM = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class Policy(Struct, frozen=True, kw_only=True):
    """What may be asked directly, and which authorities vouch for servers (None: those that Python knows).

    ``nobody``: git would have no login to show.
    """

    https: bool = False
    file: bool = False
    authorities: str | None = None
    nobody: bool = False


def is_plain(url: str, parts: SplitResult) -> bool:
    """Tell whether *url* is asked for as it stands: no user, nothing that another client would write otherwise."""
    odd = (
        "@" in parts.netloc
        or parts.query
        or parts.fragment
        or any(part in (".", "..") for part in parts.path.split("/"))
    )
    return url.isascii() and url.isprintable() and " " not in url and bool(parts.hostname) and not odd


def policy_of(runner: Runner) -> Policy:
    """Return what may be asked directly, from the environment and the names of the user's settings."""
    environ = runner.environ
    env = child_environment(environ, network=True)
    listed = settings_of_user(runner, "--name-only", "--get-regexp", _SETTINGS)
    if listed.status not in (0, 1):
        return Policy()
    keys = {*items(listed.stdout), *runner.conditional}
    # A remote says nothing, unless it is named by a URL.
    if any(
        key.startswith(("url.", "protocol.version")) or (key.startswith("remote.") and "://" in key) for key in keys
    ):
        return Policy()
    protocols = env["GIT_ALLOW_PROTOCOL"].split(":")
    # git gives settings of its command line to no program that it starts for a local repository.
    inherited = any(name in environ for name in ("GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"))
    plain = not any(_VARIABLES.fullmatch(name) and value for name, value in environ.items())
    # curl takes a login from there without being asked for one.
    home = environ.get("HOME", "")
    plain = plain and bool(home) and not os.path.lexists(os.path.join(home, ".netrc"))
    plain = plain and not any(key.startswith("http.") and key not in _HARMLESS for key in keys)
    chosen = environ.get("GIT_SSL_CAINFO") or (_configured(runner) if _AUTHORITIES in keys else "")
    if chosen is None:
        return Policy()
    authorities = chosen or next((name for name in _SYSTEM if Path(name).is_file()), None)
    trusted = bool(chosen) or _is_usual(environ, authorities)
    return Policy(
        https=plain and trusted and "https" in protocols,
        file="file" in protocols and not inherited,
        authorities=authorities,
        nobody=not any(key.startswith(_LOGINS) for key in keys) and not any(environ.get(name) for name in ASKING),
    )


def _configured(runner: Runner) -> str | None:
    """Return the file that the user's settings name; None where git does not tell."""
    asked = settings_of_user(runner, "--type=path", "--get", _AUTHORITIES)
    return None if asked.status != 0 else asked.stdout.decode("utf-8", "surrogateescape").rstrip("\0")


def _is_usual(environ: Mapping[str, str], authorities: str | None) -> bool:
    """Tell whether variables that other programs obey name no other authorities than those of the system.

    Which of them count for git depends on what it was built with.
    """
    named = [environ[name] for name in _TRUST if environ.get(name)]
    if authorities is None:
        return not named
    usual = {Path(authorities).resolve(), Path(authorities).parent.resolve()}
    return all(Path(name).resolve() in usual for name in named)
