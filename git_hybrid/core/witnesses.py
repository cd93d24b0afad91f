"""What an audit log is held against. Most hooks need no more of its verification than this."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from git_hybrid.core.audit import Segment
from git_hybrid.core.lock import Lock
from git_hybrid.core.manifest import Manifest, Policy
from git_hybrid.core.mirrors import Inventory
from git_hybrid.core.override import Overrides
from git_hybrid.core.state import State
from git_hybrid.core.value import Struct, field

if TYPE_CHECKING:
    from git_hybrid.core.lock_moves import Past


class Witnesses(Struct, frozen=True, kw_only=True):
    """What lies outside of the log and says what must be in it.

    ``committed`` holds the SHA-256 of every line that HEAD and the other side of a merge have (None: the log is not
    in a repository), ``head`` those of HEAD in their order, ``ever`` those of every earlier commit that was looked at;
    ``at`` the commit that has such a line, with a colon and a folder behind it if it stood there then, and
    ``archives_at`` takes one of those and returns the archives that are there, each with the SHA-256 of its lines;
    ``texts`` yields the lines themselves that were committed, and ``is_record`` tells whether one is a record;
    ``once`` returns those of every commit before, also where ``ever`` looks back less far; ``hashes`` the record hashes
    that were ever committed in other files, each
    with where. ``twice`` holds the lines that git has twice, one from each side of a merge. ``lock_texts`` are the
    locks of the commits that the next one is made from, as bytes; ``locks_before`` the same, where one of them is
    another than the one to be judged; ``lines_before`` has the SHA-256 of each line that the log of the same has.
    ``past`` brings what was committed before, where all of history counts, or what is pushed; ``decode_lock`` reads a
    lock of that.
    ``commit_of`` takes the SHA-256 of a line and returns the commit that put it into the log, or None where nobody
    looks back so far; ``picked`` are the committed lines that no commit has which the next one is made from.
    ``manifests`` takes the SHA-256 of a line and when its record was made, and returns the manifest of the commit that
    brought it where that counts, and those that stood before, as bytes; of a line that is about to be committed (None)
    only those. None is one of a commit with no workspace in it, nor before it. ``decode_policy``
    reads the policy of one (None: it cannot be read). ``is_shared`` tells whether a line is not brought by this push.
    ``archived`` takes the path of an archive and its SHA-256 and returns a commit that has it so, or nothing.
    ``has_keys``: policy names keys of approvers, so what mends a move takes signatures. ``manifest`` says which of two
    pins is allowed. ``is_made``: the commit to be judged is made, as before a push; ``published_logs`` has by commit
    the logs that it takes the place of there and does not go on from, as bytes, and ``published`` the same, read.
    ``replaced`` has by commit the locks that it takes the place of so, as bytes, each with the SHA-256 of the lines of
    the log beside it.
    ``is_partial``: git lacks some of what was committed, and would have to fetch it. ``verify`` tells whether a text
    was signed with a key (:data:`git_hybrid.core.approval.Verify`), where somebody can look.
    """

    state: State = field(default_factory=State)
    overrides: Overrides = field(default_factory=Overrides)
    manifest: Manifest = field(default_factory=Manifest)
    lock: Lock = field(default_factory=Lock)
    lock_texts: tuple[bytes, ...] = ()
    locks_before: tuple[Lock, ...] = ()
    lines_before: tuple[tuple[str, ...], ...] = ()
    past: Callable[[], Past | None] | None = None
    decode_lock: Callable[[bytes], Lock | None] = lambda _text: None
    commit_of: Callable[[str], str | None] = lambda _line: None
    picked: frozenset[str] = frozenset()
    manifests: Callable[[str | None, str], Sequence[bytes | None]] = lambda _line, _at: ()
    decode_policy: Callable[[bytes], Policy | None] = lambda _text: None
    is_shared: Callable[[str], bool] = lambda _line: False
    archived: Callable[[str, str], str] = lambda _path, _sha256: ""
    mirrors: Inventory = field(default_factory=Inventory)
    has_keys: bool = False
    twice: frozenset[str] = frozenset()
    committed: frozenset[str] | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    head: tuple[str, ...] = ()
    ever: tuple[str, ...] = ()
    at: Mapping[str, str] = field(default_factory=dict)
    is_made: bool = False
    published_logs: Mapping[str, bytes] = field(default_factory=dict)
    published: Mapping[str, Segment] = field(default_factory=dict)
    replaced: Mapping[str, tuple[bytes, tuple[str, ...]]] = field(default_factory=dict)
    archives_at: Callable[[str], Mapping[str, frozenset[str]]] = lambda _commit: {}
    texts: Callable[[], Iterable[bytes]] = tuple
    is_record: Callable[[bytes], bool] = lambda _line: True
    once: Callable[[], frozenset[str]] = frozenset
    is_partial: bool = False
    verify: Callable[[bytes, str, str], bool] | None = None
