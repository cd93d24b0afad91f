"""Workspaces with forced pins: made once, copied for each test; and ways to look at them and to spoil them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from git_hybrid.cli.checking import gather, run_checks
from git_hybrid.core.audit import record_hash
from git_hybrid.core.audit_archives import Breach
from git_hybrid.core.audit_verify import verify
from git_hybrid.core.canonical import canonical_json
from git_hybrid.core.checks import Violation
from git_hybrid.git.committed import history_witness
from git_hybrid.git.repository import around
from git_hybrid.git.run import Runner
from git_hybrid.git.staged import Staged
from git_hybrid.store.layout import Layout, archives
from support.cli import Result, merged_env, run_hybrid
from support.kit import git
from support.upstream import Upstream

ADA = "Ada <ada@example.org>"
BEA = "Bea <bea@example.org>"
LOG, OVERRIDES = "state/sources-audit.jsonl", "state/sources-overrides.json"
LOCK, STATE = "state/sources.lock", "state/sources.json"
FILES = (LOG, OVERRIDES, LOCK, STATE)


@dataclass(frozen=True, slots=True)
class Commits:
    """The commits of upstream: three on main, one on the branch hotfix, which begins at the second."""

    first: str
    second: str
    third: str
    hotfix: str


@dataclass(frozen=True, slots=True)
class Site:
    """A workspace at ``root``, its upstream, and the commits in it."""

    root: Path
    tool: Upstream
    commits: Commits

    def __call__(self, *args: str | Path, check: int | None = 0, who: str = ADA, shift: str = "") -> Result:
        """Run the command as *who*; *shift* moves its clock, as ``+20d`` or ``-3h`` of faketime(1)."""
        env = {"GIT_HYBRID_OPERATOR": who}
        return run_hybrid(*args, cwd=self.root, check=check, env=env | (shifted(shift) if shift else {}))

    def force(self, to: str, *, check: int = 0, who: str = ADA, shift: str = "", **changed: str | None) -> Result:
        """Force the pin of the tool; *changed* replaces options by name, None leaves one out."""
        words = option_words({**OPTIONS, **changed})
        return self("pin", "tool", "--to", to, "--force", *words, check=check, who=who, shift=shift)

    def read(self, name: str) -> str:
        """Return a file of the workspace."""
        return (self.root / name).read_text()

    def write(self, name: str, text: str) -> None:
        """Write a file of the workspace by hand."""
        (self.root / name).write_text(text)

    def keep(self, *names: str) -> dict[str, str]:
        """Return *names* (by default all files of state) as they are now, for :meth:`put_back`."""
        return {name: self.read(name) for name in names or FILES}

    def put_back(self, kept: Mapping[str, str]) -> None:
        """Write files as they once were."""
        for name, text in kept.items():
            self.write(name, text)

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace a text that must be there."""
        text = self.read(name)
        assert old in text, (name, old)
        self.write(name, text.replace(old, new))

    def commit(self, message: str = "state") -> str:
        """Commit everything and return the commit."""
        git("add", "-A", cwd=self.root)
        git("commit", "-q", "-m", message, cwd=self.root)
        return git("rev-parse", "HEAD", cwd=self.root)

    def overrides(self) -> list[dict[str, Any]]:
        """Return the records of the file of overrides."""
        records: list[dict[str, Any]] = json.loads(self.read(OVERRIDES))["overrides"]
        return records

    def edit_override(self, index: int = -1, **changed: Any) -> None:
        """Change fields of a record by hand; None takes one out."""
        document = json.loads(self.read(OVERRIDES))
        record = document["overrides"][index]
        record.update(changed)
        document["overrides"][index] = {key: value for key, value in record.items() if value is not None}
        self.write(OVERRIDES, json.dumps(document, indent=2, sort_keys=True) + "\n")

    def log(self) -> list[dict[str, Any]]:
        """Return the records of the audit log."""
        return [json.loads(line) for line in self.lines()]

    def lines(self) -> list[str]:
        """Return the lines of the audit log."""
        return self.read(LOG).splitlines()

    def put_lines(self, lines: list[str]) -> None:
        """Write the audit log by hand."""
        self.write(LOG, "".join(f"{line}\n" for line in lines))

    def checked(
        self,
        what: str,
        *,
        after: timedelta = timedelta(0),
        staged: bool = False,
        pushed: str = "",
        before: Sequence[str] = (),
    ) -> list[Violation]:
        """Return what a check finds, as ``git hybrid check`` does, with a clock that is *after* the present.

        *pushed* is a revision that is checked as the hook before a push does, in the place of the commits *before*.
        """
        now, runner = datetime.now(UTC) + after, Runner(environ=merged_env(None))
        revision = git("rev-parse", pushed, cwd=self.root) if pushed else ""
        index = Staged(around(runner, self.root, revision, tuple(before)), self.root)
        staged = staged or bool(pushed)
        facts = gather(runner, Layout(self.root), (what,), now=now, staged=staged, index=index)
        return list(run_checks(facts, (what,))[what])

    def verified(self, since: str | None = None, *, notes: bool = False) -> tuple[Breach, ...]:
        """Return what ``git hybrid audit verify`` fails by; with *notes* all that it finds."""
        runner = Runner(environ=merged_env(None))
        witnesses = history_witness(around(runner, self.root), self.root, archives(Layout(self.root)), since=since)
        facts = gather(runner, Layout(self.root), ("audit",), now=datetime.now(UTC), witnesses=witnesses)
        return tuple(breach for breach in verify(facts.log, facts.witnesses) if notes or breach.level == "fail")


OPTIONS: dict[str, str | None] = {
    "request": "CHG-1",
    "approver": BEA,
    "reason": "hotfix",
    "expires": "20d",
}


def option_words(options: Mapping[str, str | None]) -> list[str]:
    """Return options by name as words of a command line; commas separate what is given more than once."""
    words: list[str] = []
    for name, value in options.items():
        many = () if value is None else value.split(",") if name in ("approver", "incident", "signature") else (value,)
        words += [word for item in many for word in (f"--{name}", item)]
    return words


def shifted(shift: str) -> dict[str, str]:
    """Return the environment in which a command's clock is moved by *shift*."""
    found = [path for folder in ("/usr/lib", "/usr/lib64") for path in Path(folder).glob("**/libfaketimeMT.so.1")]
    if not found:
        pytest.fail("this test needs libfaketime: install the Debian package faketime", pytrace=False)
    return {"LD_PRELOAD": str(found[0]), "FAKETIME": shift}


def signed_line(record: Mapping[str, Any]) -> str:
    """Return *record* as a line of the log, its hash the right one."""
    plain = {key: value for key, value in record.items() if key != "hash"}
    return canonical_json({**plain, "hash": record_hash(plain)}).decode()


_TEMPLATES: dict[str, tuple[Path, Commits]] = {}


def _built(base: Path) -> tuple[Path, Commits]:
    """Make the template: an upstream, and a repository with a workspace where a forced pin is installed."""
    tool = Upstream.create(base / "tool.git")
    first = tool.commit({"README": "one\n", "a": "a\n"}, "first")
    tool.tag("v1.0.0")
    second = tool.commit({"README": "two\n"}, "second")
    tool.tag("v1.1.0")
    tool.branch("hotfix", "main")
    third = tool.commit({"README": "three\n"}, "third")
    hotfix = tool.commit({"fix": "fixed\n"}, "a fix", branch="hotfix")
    commits = Commits(first, second, third, hotfix)
    site = Site(base / "ws", tool, commits)
    site.root.mkdir()
    git("init", "-q", "-b", "main", cwd=site.root)
    site("init")
    site.replace("sources.toml", "[policy]", "[policy]\nrequest_pattern = '^(CHG|INC)-[0-9]+$'")
    site("add", tool.url, "--name", "tool", "--branch", "main")
    site("sync")
    site.commit("vendor")
    return base, commits


def plain_site(tmp_path: Path, factory: pytest.TempPathFactory) -> Site:
    """Return a committed workspace whose tool stands at the tip of main."""
    if "plain" not in _TEMPLATES:
        _TEMPLATES["plain"] = _built(factory.mktemp("plain"))
    return _copied("plain", tmp_path)


def forced_site(tmp_path: Path, factory: pytest.TempPathFactory) -> Site:
    """Return a committed workspace whose tool is forced to the hotfix and stands there."""
    if "forced" not in _TEMPLATES:
        base = factory.mktemp("forced")
        site = plain_site(base, factory)
        site.force(site.commits.hotfix, incident="INC-7")
        site("sync")
        site.commit("force")
        git("config", "--global", "--remove-section", f"url.{site.tool.path.parent.as_uri()}", cwd=base)
        _TEMPLATES["forced"] = (site.root.parent, site.commits)
    return _copied("forced", tmp_path)


def _copied(name: str, tmp_path: Path) -> Site:
    base, commits = _TEMPLATES[name]
    root = tmp_path / "site"
    shutil.copytree(base, root, symlinks=True)
    site = Site(root / "ws", Upstream(root / "tool.git"), commits)
    # The upstream was copied with it: git finds it where the copy is, and nothing that is committed changes.
    old, new = _origin(site).removesuffix("/tool.git"), site.tool.path.parent.as_uri()
    git("config", "--global", f"url.{new}.insteadOf", old, cwd=site.root)
    return site


def _origin(site: Site) -> str:
    line = next(line for line in site.read("sources.toml").splitlines() if line.startswith("url"))
    return line.split('"')[1]
