"""Which command writes which ``--json`` document."""

from __future__ import annotations

from collections.abc import Mapping

DOCUMENTS: Mapping[str, str] = {
    **dict.fromkeys(("init", "demo", "dashboard", "hooks install", "hooks uninstall", "install-man"), "files"),
    **dict.fromkeys(("audit export", "override export", "sbom"), "files"),
    **dict.fromkeys(("sync", "pin", "add", "remove", "reset", "resume", "diff", "outdated", "merge"), "report"),
    **dict.fromkeys(("mirror verify", "mirror update"), "report"),
    **dict.fromkeys(("bundle create", "bundle verify", "bundle apply"), "bundle"),
    **dict.fromkeys(("mirror list", "mirror add", "mirror remove"), "mirror-list"),
    **dict.fromkeys(("override show", "override renew", "override revoke"), "override"),
    **dict.fromkeys(("cache show", "cache prune"), "cache"),
    "cache verify": "cache-verify",
    "schema": "schema-list",
    "override list": "override-list",
    "override restore": "override-list",
    "audit log": "audit-log",
    "audit verify": "audit-verify",
    "audit rotate": "audit-rotate",
    **{name: name for name in ("status", "check", "diag", "scan", "config", "foreach", "completion", "help")},
}
"""The schema of the ``--json`` document of each command; ``init --import`` writes a report."""
