"""Gather what the checks are about and run them: the one way for ``check``, for ``diag`` and for the hooks.

Imports neither click nor pygit2: the hooks run on every commit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from git_hybrid.cli.settings import Settings
from git_hybrid.core.check_table import CHECKS, find_check
from git_hybrid.core.checks import Facts, Violation, failures, to_stage
from git_hybrid.core.errors import HybridError
from git_hybrid.core.value import replace
from git_hybrid.git.ahead import files_for, needs_log
from git_hybrid.git.run import Runner
from git_hybrid.git.staged import Staged, heads
from git_hybrid.store import chain
from git_hybrid.store.facts import read_facts
from git_hybrid.store.layout import Layout, archives
from git_hybrid.store.parsing import read_bytes

if TYPE_CHECKING:
    from git_hybrid.core.audit_verify import Witnesses


def gather(
    runner: Runner,
    layout: Layout,
    names: Collection[str],
    *,
    now: datetime,
    staged: bool = False,
    witnesses: Witnesses | None = None,
) -> Facts:
    """Return the facts that the checks *names* need, from the disk or, *staged*, as they are about to be committed.

    Raises:
        InvalidFile: a file is not in its format.
        NewerSchema: a newer version wrote one.
        LocalIo: a file cannot be read.
    """
    index = Staged(runner, layout.root)
    read: Callable[[str], bytes | None] = index.read
    if staged:
        index.prefetch(files_for(names))
    else:
        read = _from_disk(layout)
    log = (*archives(layout), chain.SHOWN) if needs_log(names) else ()
    if witnesses is None and "audit" in names:
        from git_hybrid.git.committed import head_witness, history_witness

        # A commit that is being made is held against what it is made from; all of history takes longer.
        witnesses = (head_witness if staged else history_witness)(runner, layout.root)
    facts = read_facts(read, now=now, log=log, git=witnesses)
    if staged:
        facts = replace(facts, unstaged=index.unstaged(), left_out=index.left_out())
    if "sources" in names:
        facts = replace(facts, tracked=index.tracked("sources"), heads=heads(layout.root, tuple(facts.lock.pins)))
    return _with_documents(facts, index, read) if "open-issues" in names else facts


def with_settings(facts: Facts, settings: Settings) -> Facts:
    """Return *facts* with the mirrors and the folder of bundles that are set to be asked."""
    folder = settings.bundle_folder
    return replace(facts, mirrors=settings.mirrors, bundle_folder=None if folder is None else str(folder))


def _from_disk(layout: Layout) -> Callable[[str], bytes | None]:
    return lambda name: read_bytes(layout.root / name, name)


def _with_documents(facts: Facts, index: Staged, read: Callable[[str], bytes | None]) -> Facts:
    from git_hybrid.core.check_open_issues import is_default

    rules = facts.manifest.open_issues
    named = [path for rule in rules for path in (rule.spec, rule.remediations)]
    tracked = index.tracked("*.md", *named)
    specs = [rule.spec for rule in rules] if rules else [path for path in tracked if is_default(path)]
    texts = {path: data for path in specs if (data := read(path)) is not None}
    documents = {path: data.decode("utf-8", "replace") for path, data in texts.items()}
    there = {path for path in named if read(path) is not None}
    changed = index.changed() if any(rule.assessments for rule in rules) else frozenset[str]()
    return replace(facts, documents=documents, paths=frozenset({*tracked, *there}), changed=changed)


def run_checks(facts: Facts, names: Collection[str]) -> Mapping[str, tuple[Violation, ...]]:
    """Return what each of the checks *names* finds, in the order of the table."""
    return {name: find_check(name)(facts) for name in CHECKS if name in names}


def run_staged(
    runner: Runner, layout: Layout, names: Collection[str], *, now: datetime, settings: Settings | None = None
) -> Mapping[str, tuple[Violation, ...]]:
    """Return what the checks *names* find in what is about to be committed.

    What fails there and holds on the disk is mended by staging what is on the disk.

    Raises:
        InvalidFile, NewerSchema, LocalIo: as :func:`gather`.
    """

    def complete(facts: Facts) -> Facts:
        return facts if settings is None else with_settings(facts, settings)

    facts = complete(gather(runner, layout, names, now=now, staged=True))
    results = run_checks(facts, names)
    if not facts.unstaged or not failures(results):
        return results
    try:
        there = complete(gather(runner, layout, names, now=now, witnesses=facts.witnesses))
    except HybridError:
        return results
    from shlex import join

    return to_stage(results, run_checks(there, names), f"git add -- {join(facts.unstaged)}")
