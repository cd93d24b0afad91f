"""The remedies of mirrors and bundles, a part of the one table in :mod:`git_hybrid.cli.remedies`."""

from __future__ import annotations

from collections.abc import Mapping

from git_hybrid.cli.remedy import Remedy
from git_hybrid.core.words import as_typed

AIR_GAP: Mapping[str, Remedy] = {
    "unknown-mirror": Remedy(2, "no such mirror: {names}", "{nearest}", ("git hybrid mirror list",)),
    "duplicate-mirror": Remedy(
        2,
        "there is a mirror {mirror} already, at {base_url}",
        hints=("git hybrid mirror list", "git hybrid mirror remove {mirror}"),
    ),
    "mirror-lacks": Remedy(1, "{name}: the mirror {mirror} lacks {what}", "asked at {url}", ("{filling}",)),
    "mirror-behind": Remedy(
        1,
        "{name}: the mirror {mirror} has the pin, but is behind: {by}",
        "asked at {url}",
        ("{filling}",),
    ),
    "mirror-lies": Remedy(
        5,
        "{name}: the mirror {mirror} serves {served}",
        "{what}\nasked at {url}",
        (
            "tell its owner: git hybrid mirror list",
            "where it is set to be asked, to take it out there: git hybrid config --show-origin",
        ),
    ),
    "stale-mirror": Remedy(
        6,
        "{name}: the mirror {mirror} was last known to be current {age} ago; policy allows {limit}",
        "[policy] mirror_max_staleness; what the lock names already may still be fetched from it",
        ("{filling}", "{ask_upstream_too}", "then: git hybrid mirror verify {mirror}"),
    ),
    "mirror-alone": Remedy(
        4,
        "a mirror is not asked for itself, and only {base_url} may be asked",
        "GIT_HYBRID_MIRRORS, or git's hybrid.mirrors, names no other mirror, and not direct",
        ("export GIT_HYBRID_MIRRORS={wider}",),
    ),
    "bad-bundle": Remedy(
        5,
        "{path}: {place}: {reason}",
        "nothing was taken from it",
        ("{copying}",),
    ),
    "bundle-prerequisites": Remedy(
        5,
        "{name}: the bundle builds on commits that are not here: {commits}",
        "it was made for a repository that has them",
        ("{remaking}", "{by_colleague}"),
    ),
    "old-bundle": Remedy(
        6,
        "{path} is older than a bundle that was applied here: its log ends at record {found}, that one's at {applied}",
        "a bundle that is played again must not take pins back\n"
        "to go back, force-pin on the other side and make a new bundle",
        (
            "the newest: git hybrid bundle apply FILE" + as_typed(),
            "for commits that this clone lacks, one of a colleague who has them: git hybrid bundle create -o FILE",
        ),
    ),
    "bundle-conflict": Remedy(
        6,
        "{name}: the bundle has it from {there}, this workspace from {here}",
        "two repositories under one name: nothing was applied",
        ("git hybrid status {name}", "git hybrid remove {name}"),
    ),
}

UNSIGNED = Remedy(
    5,
    "{path}: {place}: {reason}",
    "nothing was taken from it\nwho may sign, and with which key, is in the file of --allowed-signers",
    ("on the other side, sign it with such a key: git hybrid bundle create -o FILE --sign KEY",),
)

BROUGHT_TOO_YOUNG = Remedy(
    6,
    "{name}: {commit} is too new: first seen here {first_seen}, allowed from {allowed_from}",
    "[policy] min_release_age; what the other side saw earlier does not count here\n"
    "an override lifts it that was made on the other side, under a min_release_age there",
    ("wait until then, and apply it again: git hybrid bundle apply {bundle}" + as_typed(),),
)

_FORBIDDEN = "{name} has to be {wanted} {url}, and the network is forbidden ({why})"

CARRIED = Remedy(
    4,
    _FORBIDDEN,
    "its pinned commit came in a bundle, and is not in this clone of the workspace",
    (
        "with the folder of the bundle with SHA-256 {brought}… in GIT_HYBRID_BUNDLE_DIR: git hybrid sync --offline",
        "or of one that a colleague makes who has the commit: git hybrid bundle create -o FILE",
    ),
)
"""In place of that of a forbidden network where state names the bundle that brought the pinned commit."""

NEWS = Remedy(
    4,
    _FORBIDDEN,
    "it came in a bundle, and what is newer comes here in another one",
    (
        "on the side with the network: git hybrid pin {name}" + as_typed("scan"),
        "then there, and carry what it writes: git hybrid bundle create -o FILE",
    ),
)
"""The same where what upstream has by now is asked for."""
