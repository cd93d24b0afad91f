"""What to do about a failure of which more is known than its code says: a fact of the error tells it."""

from __future__ import annotations

from collections.abc import Mapping

from git_hybrid.cli.remedy import Remedy

_PUSH = "to have it upstream first: git -C sources/{name} push origin HEAD:refs/heads/{own}"

BY_FACT: Mapping[str, Remedy] = {
    # With until.
    "network": Remedy(
        4,
        "{name_or_url}: the server asks to wait until {until} ({kind})",
        "{message}\nthat is longer than [defaults] retry lets anybody wait here",
        ("after that, not before: git ls-remote {url}",),
    ),
    # With own.
    "unreachable": Remedy(
        5,
        "{name}: the commit {commit} is not in the history of {ref} upstream",
        "it stands in sources/{name}, and is in that clone alone",
        (
            _PUSH + ", then git hybrid pin {name} --branch {own}",
            "git hybrid diff {name}",
            "to leave it, saved: git hybrid reset {name}",
        ),
    ),
    # With setting.
    "git-failed": Remedy(
        74,
        "{name_prefix}{command} failed: git does not take the value of its setting {setting}",
        "{stderr_and_stdout}",
        ("git config --show-origin --get-all {setting}",),
    ),
}
"""The remedies by the code of the error."""
TOO_LATE = Remedy(
    4,
    "{name_or_url}: the network failed ({kind}) {tries}",
    "{message}\n[defaults] deadline in sources.toml can allow more",
    ("git ls-remote {url}", "what is set: git hybrid config --show-origin"),
)
