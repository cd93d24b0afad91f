"""Valid files of a workspace, as bytes that the program itself would write, and the values in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from git_hybrid.core.audit import Event, Tail, extend
from git_hybrid.core.canonical import canonical_json
from git_hybrid.core.ids import Oid, RefName, RunId, SourceName, make_run_id, parse_url
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Branch, Source, config_digest
from git_hybrid.core.reducer import RunInfo
from git_hybrid.core.state import SourceState

NOW = datetime(2026, 7, 16, 11, 3, 4, tzinfo=UTC)
OID = Oid("0123456789abcdef0123456789abcdef01234567")
TREE = Oid("89abcdef0123456789abcdef0123456789abcdef")
NAME = SourceName("tool")
URL = "https://example.org/group/tool"
RUN: RunId = make_run_id(milliseconds=1_784_199_784_000, random=b"0123456789")

MANIFEST = f"""\
schema_version = 1

[source.tool]
url = "{URL}"
branch = "main"
"""

LOCK = f"""\
# Written by git hybrid. Review it, commit it; change it with `git hybrid pin`.
lock_version = 1

[source.tool]
url = "{URL}"
ref = "refs/heads/main"
commit = "{OID}"
tree = "{TREE}"
tag_object = "{TREE}"
reachable_from = "refs/heads/main"
root_commits = [
    "{OID}",
]
content_sha256 = "{"5" * 64}"
commit_time = 2026-07-16T11:03:04Z
first_seen = 2026-07-17T02:00:00Z
config_digest = "sha256:{"a" * 64}"
override = "ovr-1"
"""

STATE = f"""\
{{
  "schema_version": 1,
  "sources": [
    {{
      "audit_hash": "{"b" * 64}",
      "branch": "main",
      "command_id": "{RUN}",
      "commit_sha": "{OID}",
      "name": "tool",
      "notes": "a note — with a dash",
      "repo_url": "{URL}",
      "scan_status": {{
        "commit_sha": "{OID}",
        "counts": {{
          "high": 0,
          "low": 2,
          "medium": 1
        }},
        "scanned_at": "2026-07-16T11:03:04Z",
        "scanner": "secrets",
        "scanner_version": "1.2",
        "state": "findings"
      }},
      "served_by": "{URL}",
      "updated_at": "2026-07-16T11:03:04Z",
      "updated_by": "Test Operator <operator@example.org>"
    }}
  ]
}}
"""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace of files alone: no clone stands in it, no server is behind it."""

    root: Path

    def write(self, name: str, content: str | bytes) -> None:
        """Put *content* into the file *name*."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)

    def files(self) -> dict[str, bytes]:
        """Return every file with its content, but the writer lock, which is never removed."""
        paths = (path for path in sorted(self.root.rglob("*")) if path.is_file())
        found = {path.relative_to(self.root).as_posix(): path.read_bytes() for path in paths}
        found.pop("sources/.lock", None)
        return found


def make_workspace(root: Path) -> Workspace:
    """Return a valid workspace at *root*."""
    made = Workspace(root)
    made.write("sources.toml", MANIFEST)
    made.write("state/sources.lock", LOCK)
    made.write("state/sources.json", STATE)
    (record,) = extend(Tail(), [Event(event="init")], at=NOW, operator="Ada", command_id=RUN, log_id="log")
    made.write("state/sources-audit.jsonl", canonical_json(record) + b"\n")
    (root / "sources").mkdir(exist_ok=True)
    return made


def source(name: str = "tool", *, branch: str = "main", url: str = URL) -> Source:
    """Return a manifest entry that follows a branch."""
    return Source(name=SourceName(name), url=parse_url(url), track=Branch(branch))


def pin_of(entry: Source, commit: str = OID) -> Pin:
    """Return a valid pin of *entry*."""
    return Pin(
        source=entry.name,
        url=entry.url,
        ref=RefName("refs/heads/main"),
        commit=Oid(commit),
        tree=TREE,
        reachable_from=RefName("refs/heads/main"),
        content_sha256="5" * 64,
        commit_time=NOW,
        first_seen=NOW,
        config_digest=config_digest(entry),
    )


def state_of(entry: Source, commit: str = OID) -> SourceState:
    """Return the state entry of *entry* after an install."""
    return SourceState(
        name=entry.name, url=entry.url, track=entry.track, commit=Oid(commit), updated_at=NOW, updated_by="me"
    )


def run_info(command: str = "sync", *, random: bytes = b"0123456789", now: datetime = NOW) -> RunInfo:
    """Return the facts of one run."""
    run = make_run_id(milliseconds=int(now.timestamp() * 1000), random=random)
    return RunInfo(run=run, command=command, now=now, operator="Test <t@example.org>", log_id="0" * 32)
