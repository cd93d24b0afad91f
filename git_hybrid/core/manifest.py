"""The manifest: what people want (``sources.toml``), as values.

Reading and writing the file is :mod:`git_hybrid.store.manifest`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, assert_never

from git_hybrid.core.canonical import Json, canonical_json
from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.ids import Oid, RefName, SourceName, Url, branch_ref, tag_ref
from git_hybrid.core.pattern import remembered
from git_hybrid.core.value import Struct, field

History = Literal["full", "shallow", "treeless"]
Lfs = Literal["pointer", "fetch"]
Level = Literal["high", "medium", "low", "none"]


class Tag(Struct, frozen=True):
    """Follow one tag."""

    name: str


class Branch(Struct, frozen=True):
    """Follow the tip of one branch."""

    name: str


class Version(Struct, frozen=True):
    """Follow the newest tag inside a version range (PEP 440 specifiers)."""

    spec: str


class Commit(Struct, frozen=True):
    """Stay at one commit."""

    oid: Oid


Track = Tag | Branch | Version | Commit


def track_field(track: Track) -> tuple[str, str]:
    """Return the key and the value that stand for *track* in the manifest and in state."""
    match track:
        case Tag(name):
            return "tag", name
        case Branch(name):
            return "branch", name
        case Version(spec):
            return "version", spec
        case Commit(oid):
            return "commit", oid
        case _:  # pragma: no cover
            assert_never(track)


def declared_ref(track: Track) -> RefName | None:
    """Return the one full ref that *track* names, or None for a range of versions or a commit."""
    match track:
        case Tag(name):
            return tag_ref(name)
        case Branch(name):
            return branch_ref(name)
        case Version() | Commit():
            return None
        case _:  # pragma: no cover
            assert_never(track)


class Source(Struct, frozen=True, kw_only=True):
    """One entry of the manifest, defaults filled in."""

    name: SourceName
    url: Url
    track: Track
    groups: tuple[str, ...] = ()
    history: History = "full"
    submodules: bool = False
    lfs: Lfs = "pointer"


class Retry(Struct, frozen=True, kw_only=True):
    """How often a network step that failed in passing is tried, and how long is waited."""

    attempts: int = 5
    initial: timedelta = timedelta(seconds=1)
    maximum: timedelta = timedelta(seconds=30)


class Defaults(Struct, frozen=True, kw_only=True):
    """The ``[defaults]`` table."""

    jobs: int = 8
    history: History = "full"
    retry: Retry = Retry()
    stall: timedelta = timedelta(seconds=30)
    deadline: timedelta = timedelta(minutes=30)


class Approver(Struct, frozen=True, kw_only=True):
    """Who may approve overrides: an e-mail address or login; with ``key`` (an SSH public key) only by signature."""

    id: str
    key: str = ""


def key_bytes(key: str) -> str:
    """Return an SSH public *key* without its kind, its comment and what pads it; nothing where there is none."""
    return "".join(key.split(" ")[1:2]).rstrip("=")


BRIEFEST = timedelta(minutes=1)
"""With a ``scan_max_age`` below this hardly a scan is fresh when it is looked at."""


class Policy(Struct, frozen=True, kw_only=True):
    """The ``[policy]`` table; durations are ages, ``hosts`` None means any host, no ``approvers`` means anybody."""

    hosts: frozenset[str] | None = None
    scan_max_age: timedelta = timedelta(days=7)
    override_max_age: timedelta = timedelta(days=30)
    override_min_approvers: int = 1
    request_pattern: str = ""
    approvers: tuple[Approver, ...] = ()
    mirror_max_staleness: timedelta = timedelta(days=7)
    min_release_age: timedelta = timedelta(0)
    scan_block_on: Level = "high"
    max_entries: int = 200_000
    max_bytes: int = 2**30


class Scanner(Struct, frozen=True, kw_only=True):
    """One ``[[scanner]]`` table: a preset, or a command with its exit codes.

    What is empty or None is taken from the preset; ``args`` are added to its command.
    """

    name: str
    preset: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    format: str = ""
    ok_codes: tuple[int, ...] | None = None
    finding_codes: tuple[int, ...] | None = None
    timeout: timedelta = timedelta(minutes=10)
    env: tuple[str, ...] = ()


class OpenIssues(Struct, frozen=True, kw_only=True):
    """One ``[[open_issues]]`` table: a specification, its remediation document, and the assessments that feed it.

    All are paths from the root of the workspace; ``assessments`` are folders or patterns.
    """

    spec: str
    remediations: str
    assessments: tuple[str, ...] = ()


class Manifest(Struct, frozen=True, kw_only=True):
    """The whole file; sources in order of their names."""

    defaults: Defaults = Defaults()
    policy: Policy = Policy()
    scanners: tuple[Scanner, ...] = ()
    open_issues: tuple[OpenIssues, ...] = ()
    sources: Mapping[SourceName, Source] = field(default_factory=dict)


@remembered
def config_digest(source: Source) -> str:
    """Return the digest that ties a pin to the manifest entry it was resolved from.

    SHA-256 of the canonical JSON of url, ref kind and value, history, submodules and lfs; groups do not count, since
    they change nothing on disk.
    """
    kind, value = track_field(source.track)
    facts: dict[str, Json] = {
        "url": str(source.url),
        kind: value,
        "history": source.history,
        "submodules": source.submodules,
        "lfs": source.lfs,
    }
    return "sha256:" + sha256_hex(canonical_json(facts))


def allows_host(policy: Policy, url: Url) -> bool:
    """Tell whether the policy's list of hosts lets *url* be asked; a file URL has no host and always may."""
    return policy.hosts is None or url.scheme == "file" or url.host in policy.hosts
