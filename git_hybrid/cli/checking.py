"""Gather what the checks are about and run them: the one way for ``check``, for ``diag`` and for the hooks.

Imports neither click nor pygit2: the hooks run on every commit.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from git_hybrid.cli.lacking import with_lacking
from git_hybrid.cli.settings import Settings
from git_hybrid.core.approval import check_signatures
from git_hybrid.core.check_table import CHECKS, find_check
from git_hybrid.core.checks import Facts, Violation, failures, to_stage
from git_hybrid.core.errors import HybridError, InvalidFile
from git_hybrid.core.files import FILES, LOG, MANIFEST
from git_hybrid.core.value import replace
from git_hybrid.core.words import typed
from git_hybrid.git.ahead import files_for, needs_log
from git_hybrid.git.place import of_commit
from git_hybrid.git.repository import Repository, around
from git_hybrid.git.run import Runner
from git_hybrid.git.staged import Staged, documents_on_disk, heads, hides_clones
from git_hybrid.git.verifying import verifier
from git_hybrid.store.facts import read_facts
from git_hybrid.store.layout import Layout, archives, in_order
from git_hybrid.store.parsing import read_bytes

if TYPE_CHECKING:
    from git_hybrid.core.witnesses import Witnesses

_TEMPORARY = {"index.lock": "", "next-index-": ", then git commit without a path"}
"""The indexes that are gone when the commit is not made, of ``git commit -a`` and ``git commit PATH``."""
_AUDIT = "audit"
_WITH_APPROVALS = frozenset({"overrides", "scans"})
"""The checks that ask who approved an override."""


def gather(
    runner: Runner,
    layout: Layout,
    names: Collection[str],
    *,
    now: datetime,
    staged: bool = False,
    witnesses: Witnesses | None = None,
    index: Staged | None = None,
) -> Facts:
    """Return the facts that the checks *names* need, from the disk or, *staged*, as they are about to be committed.

    *index* is what git has, if somebody has begun to read it.

    Raises:
        InvalidFile: a file is not in its format.
        NewerSchema: a newer version wrote one.
        LocalIo: a file cannot be read.
        SymlinkRefused: git has a symbolic link in place of a file.
        GitRefused: git does not answer.
    """
    index = index or Staged(around(runner, layout.root), layout.root)
    read: Callable[[str], bytes | None] = index.read if staged else lambda name: read_bytes(layout.root / name, name)
    # Of a commit that is being made the audit hook tells a lost mirror: that of the metadata need not read the log.
    is_read = needs_log(names) or ("mirrors" in names and not staged)
    log = (*_archives(layout, index, staged=staged), LOG) if is_read else ()
    if staged:
        index.refuse_links()
        index.prefetch(files_for(names))
        index.prefetch(log)
    if witnesses is None and "audit" in names:
        from git_hybrid.git.committed import head_witness, history_witness

        # A commit that is being made is held against what it is made from; all of history takes longer.
        witnesses = (head_witness if staged else history_witness)(index.repository, layout.root, log[:-1])
    verify = verifier(runner)
    witnesses = None if witnesses is None else replace(witnesses, verify=verify)
    facts = read_facts(read, now=now, log=log, git=witnesses)
    if "audit" in names and not staged:
        facts = replace(facts, is_shallow=index.repository.is_shallow())
    if "scans" in names and not staged:
        from git_hybrid.store.reports import foreign_reports

        facts = replace(facts, foreign_reports=foreign_reports(layout, facts.state))
    if "scans" in names and facts.manifest.scanners:
        from git_hybrid.cli.rulefiles import scanner_files

        facts = replace(facts, scanner_files=scanner_files(index, facts.manifest.scanners, staged=staged))
    if staged and index.in_git:
        facts = _with_left_out(facts, index)
    if "metadata" in names:
        files = (*_archives(layout, index, staged=staged), LOG)
        facts = with_lacking(facts, index, layout, read, log=files, staged=staged)
    if _WITH_APPROVALS & set(names):
        told = (facts.manifest, facts.lock, facts.overrides, facts.trail, facts.clock)
        facts = replace(facts, signatures=check_signatures(*told, verify))
    if "sources" in names:
        facts = _with_clones(facts, index)
    return _with_documents(facts, index, read, staged=staged) if "open-issues" in names else facts


def _with_left_out(facts: Facts, index: Staged) -> Facts:
    if not (left_out := index.left_out()):
        return facts
    from git_hybrid.git.ignored import ignored

    return replace(facts, left_out=left_out, ignored=ignored(index.repository, index.root, left_out))


def _with_clones(facts: Facts, index: Staged) -> Facts:
    root, pins = index.root, facts.lock.pins
    facts = replace(facts, tracked=index.tracked(), links=index.links(), abandoned=index.abandoned())
    if not index.is_at_head():
        return facts
    standing = _heads(index, tuple(pins))
    # A run leaves its lock there, with or without a clone.
    has_file, lock = os.path.lexists(root / "sources/.gitignore"), os.path.lexists(root / "sources/.lock")
    names = (*standing, ".lock") if lock and not has_file else tuple(standing)
    if names and not hides_clones(root):
        from git_hybrid.git.ignored import exposed

        if open_to_git := exposed(index.repository, root, names):
            facts = replace(facts, exposed=open_to_git, ignore_file=has_file)
    if moved := [name for name, pin in pins.items() if standing.get(name, pin.commit) != pin.commit]:
        from git_hybrid.core.plan import PIN_REF

        facts = replace(facts, installed=_heads(index, moved, PIN_REF))
        if index.repository.revision:
            from git_hybrid.cli.head import pins_on_disk

            facts = replace(facts, tried=pins_on_disk(root))
    return replace(facts, heads=standing)


def _heads(index: Staged, names: Sequence[str], ref: str = "HEAD") -> Mapping[str, str]:
    """Return the commit at *ref* of each clone that is there; an empty text where there is none.

    git is asked where the files do not tell, as of a branch that it has packed, or in a reftable.
    """
    found = dict(heads(index.root, names, ref))
    for name in [name for name, commit in found.items() if not commit]:
        # Begun elsewhere: what nobody may enter is told by whoever looks at the clones.
        git_dir, asked = index.root / "sources" / name / ".git", ["rev-parse", "--verify", "--quiet", ref]
        if os.path.exists(git_dir / ref) and not os.path.isfile(git_dir / ref):
            # git would wait for what comes out of a pipe.
            continue
        done = index.repository.runner.git(asked, git_dir=git_dir, cwd=index.root)
        found[name] = done.stdout.decode("ascii").strip()
    return found


def _archives(layout: Layout, index: Staged, *, staged: bool) -> tuple[str, ...]:
    return in_order(index.archives()) if staged and index.in_git else archives(layout)


def with_settings(facts: Facts, settings: Settings) -> Facts:
    """Return *facts* with the mirrors and the folder of bundles that are set to be asked."""
    folder = settings.bundle_folder
    return replace(facts, mirrors=settings.mirrors, bundle_folder=None if folder is None else str(folder))


def _with_documents(facts: Facts, index: Staged, read: Callable[[str], bytes | None], *, staged: bool) -> Facts:
    from git_hybrid.core.check_open_issues import is_default

    rules = facts.manifest.open_issues
    named = dict.fromkeys(path for rule in rules for path in (rule.spec, rule.remediations))
    known = index.documents(named) if staged and index.in_git else documents_on_disk(index.repository, index.root)
    specs = dict.fromkeys(rule.spec for rule in rules) if rules else [path for path in known if is_default(path)]
    if staged:
        index.prefetch((*specs, *named))
    texts = {path: data for path in specs if (data := read(path)) is not None}
    documents = {path: data.decode("utf-8", "replace") for path, data in texts.items()}
    there = {path for path in named if read(path) is not None}
    changed = index.changed() if any(rule.assessments for rule in rules) else frozenset[str]()
    return replace(facts, documents=documents, paths=frozenset({*known, *there}), changed=changed)


def run_checks(facts: Facts, names: Collection[str]) -> Mapping[str, tuple[Violation, ...]]:
    """Return what each of the checks *names* finds, in the order of the table; a log that is not whole comes first.

    What mends others records in it, and what brings back its files would take that away again.
    """
    found = {name: find_check(name)(facts) for name in CHECKS if name in names}
    first = [name for name in (_AUDIT,) if failures({name: found.get(name, ())})]
    return {name: found[name] for name in dict.fromkeys((*first, *found))}


def with_seen_clones(
    results: Mapping[str, tuple[Violation, ...]], found: Iterable[Violation]
) -> dict[str, tuple[Violation, ...]]:
    """Return *results* with what was *found* by a look at the clones; of their HEADs the check itself tells less."""
    besides = (item for item in results["sources"] if item.entry != "HEAD")
    return {**results, "sources": (*besides, *found)}


def run_staged(
    runner: Runner,
    layout: Layout,
    names: Collection[str],
    *,
    now: datetime,
    settings: Settings | None = None,
    index: Staged | None = None,
) -> Mapping[str, tuple[Violation, ...]]:
    """Return what the checks *names* find in what is about to be committed.

    What fails there and holds on the disk is mended by staging what is on the disk.

    Raises:
        InvalidFile, NewerSchema, LocalIo, SymlinkRefused, GitRefused: as :func:`gather`.
    """

    def complete(facts: Facts) -> Facts:
        return facts if settings is None else with_settings(facts, settings)

    index = index or Staged(around(runner, layout.root), layout.root)
    try:
        facts = complete(gather(runner, layout, names, now=now, staged=True, index=index))
    except InvalidFile as error:
        raise _given_up(error, index) from error
    results = run_checks(facts, names)
    if not failures(results):
        return results
    if index.repository.revision and facts.scanner_files:
        from git_hybrid.cli.rulefiles import with_unadded

        results = run_checks(with_unadded(facts, index), names)
    if files := _unstaged(index, facts, layout):
        try:
            there = complete(gather(runner, layout, names, now=now, witnesses=facts.witnesses, index=index))
        except HybridError:
            return results
        results = to_stage(results, run_checks(there, names), _add(index.repository, files, facts.ignored))
    if "PRE_COMMIT" in runner.environ and not index.repository.revision and any(map(_is_told, index.changed())):
        results = {name: tuple(_put_aside(item) for item in found) for name, found in results.items()}
    return results


def _unstaged(index: Staged, facts: Facts, layout: Layout) -> tuple[str, ...]:
    """Return those of the files by which the checks judge that are another on the disk, or are there alone."""
    found = index.unstaged((*FILES, *in_order({*archives(layout), *index.archives()}), LOG))
    if not facts.scanner_files or not index.in_git or index.repository.revision:
        return found
    from git_hybrid.cli.rulefiles import to_add

    return (*found, *to_add(index, facts.manifest.scanners))


def _given_up(error: InvalidFile, index: Staged) -> InvalidFile:
    """Return *error*; where the manifest alone was taken out of the index, with what mends that."""
    if error.path != MANIFEST or not index.in_git or index.repository.revision or MANIFEST in index.entries:
        return error
    from git_hybrid.git.ignored import ignored

    forced = " -f" if ignored(index.repository, index.root, (MANIFEST,)) else ""
    mend = f"git add{forced} -- {MANIFEST}, or give the workspace up as a whole: git rm -r --cached -- state"
    return InvalidFile(path=MANIFEST, problems=error.problems, mend=mend)


def _add(repository: Repository, files: Sequence[str], ignored: Collection[str]) -> str:
    """Return the command that stages *files*; all of the workspace where git forgets what this commit had staged."""
    forced = [name for name in files if name in ignored]
    first = f"git add -f -- {typed(*forced)}" if forced else ""
    variables = of_commit(repository.runner.environ, str(repository.top))
    used = os.path.basename(variables.get("GIT_INDEX_FILE", ""))
    for name, more in _TEMPORARY.items():
        if used.startswith(name):
            others = [MANIFEST, "state", *(name for name in files if not _is_told(name))]
            return ", then ".join(filter(None, (first, f"git add -- {typed(*others)}{more}")))
    others = [name for name in files if name not in ignored]
    return ", then ".join(filter(None, (first, f"git add -- {typed(*others)}" if others else "")))


def _is_told(path: str) -> bool:
    return path == MANIFEST or path.startswith("state/")


def _put_aside(item: Violation) -> Violation:
    """Return *item* of a commit that changes state; pre-commit hides what is not staged, which may be all it lacks."""
    if item.level != "fail" or not item.file.startswith("state/") or item.mend.startswith("git add "):
        return item
    mend = "git add -- state, if not all of it was staged (pre-commit puts that aside meanwhile); else "
    return replace(item, mend=mend + item.mend)
