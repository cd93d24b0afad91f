"""Which hosts git-lfs shows a login of the user's: those that somebody here has named, and those over TLS alone.

Content may be kept at any host that the server of a repository names. git-lfs asks the user's helpers for each, and
many, above all in CI, say the same whatever host they are asked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from git_hybrid.core.pattern import pattern

HOSTS, _PARAMETERS, _ASKPASS = "HYBRID_LFS_HOSTS", "HYBRID_LFS_PARAMETERS", "HYBRID_LFS_ASKPASS"
# git would ask every helper of the user's. This one, which is asked alone, lets git ask them, with their own settings,
# where they may be; and it ends git-lfs when a server did not accept what it was given. git gives up there; git-lfs
# asks again, and a helper that always says the same locks the account. It is one line, as git-lfs reads settings.
_HELPER = (
    "!f() { asked=$(cat); "
    "host=$(printf '%s\\n' \"$asked\" | sed -n 's/^host=//p' | sed 's/:[0-9]*$//' | tr A-Z a-z); "
    "printf '%s\\n' \"$asked\" | grep -qx protocol=https || return 0; "
    f'case " ${HOSTS} " in *" $host "*) ;; *) return 0 ;; esac; '
    "case $1 in get) does=fill ;; store) does=approve ;; erase) does=reject ;; *) return 0 ;; esac; "
    # git asks core.askPass where this variable is not there, and nobody where it is empty.
    f'test -n "${_ASKPASS}" && GIT_ASKPASS=${_ASKPASS} || unset GIT_ASKPASS; '
    f"printf '%s\\n\\n' \"$asked\" | GIT_CONFIG_PARAMETERS=${_PARAMETERS} git credential $does; "
    "test $does != reject || kill -KILL 0; }; f"
)
_WANTED = pattern(
    r"\bGit credentials for (?P<server>https://(?P<host>[^/?#\s]*?)(?::\d+)?)(?:[/?#]\S*)? not found", re.ASCII
)
LOGINS = ("credential.helper=", f"credential.helper={_HELPER}")
"""The settings with which git-lfs asks for logins only what is here."""


def logins(environ: Mapping[str, str], hosts: Iterable[str]) -> dict[str, str]:
    """Return the variables with which git-lfs shows logins to *hosts* alone; *environ* is that of the program."""
    return {
        # As they stand in a URL.
        HOSTS: " ".join(sorted(f"[{host}]" if ":" in host else host for host in hosts)),
        _PARAMETERS: environ.get("GIT_CONFIG_PARAMETERS", ""),
        _ASKPASS: environ["GIT_ASKPASS"] or "false" if "GIT_ASKPASS" in environ else "",
        "GIT_ASKPASS": "false",
    }


def not_shown(words: str, variables: Mapping[str, str]) -> str:
    """Return the server that wanted a login by *words* of git-lfs, and is not among those of :func:`logins`."""
    found = _WANTED.search(words)
    return "" if found is None or found["host"].lower() in variables[HOSTS].split() else found["server"]
