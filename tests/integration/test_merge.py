"""`git hybrid merge`: branches that each changed the workspace are put together source by source."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from git_hybrid.core.audit import record_hash
from support.beginning import Beginning
from support.cli import Hybrid
from support.kit import changes, git, lock, replace, snapshot, state
from support.scanners import a_scanner, use
from support.upstream import Upstream, UpstreamFactory

FORCE = ("--force", "--request", "CHG-1", "--approver", "bea@example.org", "--reason", "hotfix", "--expires", "3d")
Side = Callable[[], None]


@pytest.fixture
def upstreams(upstream_factory: UpstreamFactory) -> dict[str, Upstream]:
    made = {name: upstream_factory(name) for name in "abcd"}
    for upstream in made.values():
        for subject in ("one", "two", "three"):
            upstream.commit({"README": subject}, subject)
    return made


@pytest.fixture
def branched(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], beginning: Beginning
) -> Callable[..., None]:
    """Make a workspace of `c` and `d`, and let two sides change it and meet."""

    def commit(message: str) -> None:
        git("add", "-A", cwd=workspace)
        git("commit", "-q", "-m", message, cwd=workspace)

    def make() -> None:
        git("init", "-q", "-b", "main", cwd=workspace)
        hybrid("init")
        for name in "cd":
            hybrid("add", upstreams[name].url, "--branch", "main")
        hybrid("sync")

    def meet(theirs: Side, ours: Side, base: Side = lambda: None) -> None:
        beginning(workspace, make)
        base()
        commit("base")
        git("switch", "-q", "-c", "their", cwd=workspace)
        theirs()
        commit("theirs")
        git("switch", "-q", "main", cwd=workspace)
        ours()
        commit("ours")
        git("merge", "-q", "their", cwd=workspace, check=False)

    return meet


def added(hybrid: Hybrid, upstreams: dict[str, Upstream], name: str) -> Side:
    def act() -> None:
        hybrid("add", upstreams[name].url, "--branch", "main")
        hybrid("sync")

    return act


def forced(hybrid: Hybrid, upstreams: dict[str, Upstream], name: str) -> Side:
    def act() -> None:
        hybrid("pin", name, "--to", upstreams[name].rev("main~1"), *FORCE)
        hybrid("sync")

    return act


def concluded(hybrid: Hybrid, workspace: Path) -> None:
    hybrid("sync")
    hybrid("check")
    hybrid("audit", "verify")
    git("add", "-A", cwd=workspace)
    git("commit", "-q", "-m", "merged", cwd=workspace)
    hybrid("check")
    hybrid("audit", "verify")
    assert hybrid("status", "--exit-code").code == 0


def test_two_branches_that_added_a_source_and_moved_others(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    def theirs() -> None:
        added(hybrid, upstreams, "b")()
        forced(hybrid, upstreams, "c")()

    def ours() -> None:
        added(hybrid, upstreams, "a")()
        forced(hybrid, upstreams, "d")()

    branched(theirs, ours)
    assert "hint: git hybrid merge\n" in hybrid("status", check=2).err
    told = hybrid("merge")
    assert [line.split()[:2] for line in told.out.splitlines()] == [["b", "theirs"], ["c", "theirs"]]
    assert "hint: git add -- " in told.err
    pins = {name: pin["commit"] for name, pin in lock(workspace).items()}
    wanted = {"a": "main", "b": "main", "c": "main~1", "d": "main~1"}
    assert pins == {name: upstreams[name].rev(revision) for name, revision in wanted.items()}
    assert len(hybrid("override", "list", "--json").json()["overrides"]) == 2
    concluded(hybrid, workspace)
    before = snapshot(workspace)
    assert "nothing is in conflict" in hybrid("merge").err
    assert changes(before, snapshot(workspace)) == []


def test_where_both_follow_another_tag_the_entry_of_the_other_comes_first(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    def follows(tag: str) -> Callable[[], None]:
        def do() -> None:
            if tag not in upstreams["c"].git("tag").split():
                upstreams["c"].commit({"README": tag}, tag)
                upstreams["c"].tag(tag, "main")
            hybrid("pin", "c", "--tag", tag)

        return do

    branched(follows("v1.6.0"), follows("v1.5.0"))
    theirs = upstreams["c"].rev("v1.6.0^{commit}")
    told = hybrid("merge", check=None).err
    assert f"hint: if theirs is right, take its entry of sources.toml, then: git hybrid pin c --to {theirs}\n" in told
    git("checkout", "-q", "--theirs", "--", "sources.toml", cwd=workspace)
    hybrid("pin", "c", "--to", theirs)
    assert lock(workspace)["c"]["commit"] == theirs


def test_of_a_pin_that_both_moved_ours_stands_until_it_is_decided(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    def moved() -> None:
        upstreams["c"].commit({"README": str(workspace.stat().st_ctime_ns)}, "next")
        hybrid("pin", "c")

    def theirs() -> None:
        moved()
        hybrid("remove", "d")

    branched(theirs, moved)
    pinned, newest = upstreams["c"].rev("main~1"), upstreams["c"].rev("main")
    told = hybrid("merge", "--json", check=1).json()
    rows = {row["name"]: row for row in told["sources"]}
    assert {name: row["outcome"] for name, row in rows.items()} == {"c": "both", "d": "theirs"}
    assert rows["c"]["to_commit"] == newest
    assert rows["c"]["notes"] == [f"ours: {newest}", f"theirs: {pinned}"]
    assert (rows["d"]["notes"], told["exit_code"]) == (["taken out"], 1)
    assert "d" not in lock(workspace)
    git("checkout", "--merge", "--", "state/sources.lock", cwd=workspace)
    hints = hybrid("merge", check=1).err.splitlines()[-2:]
    assert hints[0].startswith(f"hint: if theirs is right: git hybrid pin c --to {pinned}")
    # The pin of the first is written to the log, which the second adds.
    assert hints[1].startswith("hint: git add -- ")
    assert "state/sources-audit.jsonl" in hints[1]
    # Theirs is the older one; their branch pinned it, so to choose it takes no approval.
    hybrid("pin", "c", "--to", pinned)
    hybrid("sync")
    # What is decided since stays, however often it is called.
    hybrid("merge")
    assert lock(workspace)["c"]["commit"] == pinned
    concluded(hybrid, workspace)


def test_of_one_commit_that_both_pinned_otherwise_the_entry_decides(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    upstreams["a"].tag("rel", annotated=False)

    def theirs() -> None:
        hybrid("add", upstreams["a"].url, "--tag", "rel", env={"GIT_HYBRID_OPERATOR": "Bob <bob@example.org>"})

    branched(theirs, added(hybrid, upstreams, "a"))
    git("checkout", "--ours", "sources.toml", cwd=workspace)
    told = hybrid("merge", check=1)
    assert f"(main of {upstreams['a'].url})\n" in told.out
    assert "hint: if theirs is right, take its entry of sources.toml, then: git hybrid pin a\n" in told.err
    assert "Bob" not in hybrid("status", "a").out
    replace(workspace / "sources.toml", 'a.git"\nbranch = "main"', 'a.git"\ntag = "rel"')
    hybrid("pin", "a")
    hybrid("sync")
    concluded(hybrid, workspace)


def test_of_one_commit_that_one_side_had_forced_the_other_one_takes_no_approval(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    def plainly() -> None:
        upstreams["c"].tag("v2", "main~1", annotated=False)
        hybrid("remove", "c")
        hybrid("add", upstreams["c"].url, "--tag", "v2")
        hybrid("sync")

    branched(plainly, forced(hybrid, upstreams, "c"))
    hint = "hint: if theirs is right, take its entry of sources.toml, then: git hybrid pin c\n"
    for begin in ((), ("their", "main")):
        if begin:
            git("reset", "-q", "--hard", cwd=workspace)
            git("switch", "-q", begin[0], cwd=workspace)
            git("merge", "-q", begin[1], cwd=workspace, check=False)
            hint = "hint: if ours is right: git hybrid pin c\n"
        assert hint in hybrid("merge", check=1).err
        assert "is superseded" in hybrid("pin", "c").out
        hybrid("check", "metadata", "overrides", "audit")


def test_of_one_commit_that_both_forced_it_is_told_on_what_each_side_rests(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    branched(forced(hybrid, upstreams, "c"), forced(hybrid, upstreams, "c"))
    told = hybrid("merge", check=1).out
    both = {item["id"] for item in hybrid("override", "list", "--json").json()["overrides"]}
    where = f"{upstreams['c'].rev('main~1')} (main of {upstreams['c'].url}), rests on "
    rests = re.findall(rf"(ours|theirs): {re.escape(where)}(ovr-\w+) \(CHG-1, approved by bea@example.org\)\n", told)
    assert [whose for whose, _ in rests] == ["ours", "theirs"]
    assert {identity for _, identity in rests} == both == {lock(workspace)["c"]["override"], rests[1][1]}
    concluded(hybrid, workspace)
    (mend,) = re.findall("mend: git hybrid (override revoke .*) TEXT", hybrid("check", "overrides").out)
    assert mend.split()[2] == rests[1][1]
    hybrid(*mend.split(), "no longer")
    assert "nothing rests on it" not in hybrid("check", "overrides").out


@pytest.mark.parametrize("renamed", [False, True])
def test_of_a_source_that_one_side_took_out_the_move_of_the_other_one_is_told(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None], renamed: bool
) -> None:
    entries = workspace.parent / "before.toml"

    def theirs() -> None:
        upstreams["c"].commit({"README": "four"}, "four")
        hybrid("pin", "c")

    def ours() -> None:
        entries.write_text((workspace / "sources.toml").read_text())
        if renamed:
            # The fetched content makes its pin differ where theirs does, and git joins nothing.
            replace(workspace / "sources.toml", "[source.c]", '[source.alpha]\nlfs = "fetch"')
            hybrid("pin", "alpha", "--to", lock(workspace)["c"]["commit"])
            hybrid("sync", "--prune")
        else:
            hybrid("remove", "c")

    branched(theirs, ours)
    told, moved = hybrid("merge", check=1), upstreams["c"].rev("main")
    assert f"    ours: taken out\n    theirs: {moved}\n    result: taken out\n" in told.out
    if renamed:
        name, where = "alpha", "for alpha, which is of that repository:"
    else:
        name, where = "c", "put its entry back into sources.toml, then:"
        (workspace / "sources.toml").write_text(entries.read_text())
    assert f"hint: if theirs is right, {where} git hybrid pin {name} --to {moved}\n" in told.err
    hybrid("pin", name, "--to", moved)
    concluded(hybrid, workspace)


@pytest.mark.parametrize("made", [False, True], ids=["under-way", "made"])
def test_a_pin_that_git_joined_from_both_without_a_conflict_is_told_and_taken_apart(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None], made: bool
) -> None:
    first = upstreams["c"].rev("main")
    back = ("pin", "c", "--to", first, *FORCE)

    def theirs() -> None:
        if upstreams["c"].rev("main") == first:
            upstreams["c"].commit({"README": "four"}, "four")
        hybrid("pin", "c")
        if not made:
            hybrid("sync")

    def ours() -> None:
        theirs()
        hybrid(*back)
        hybrid("sync")

    branched(theirs, ours)
    second = upstreams["c"].rev("main")
    pin = lock(workspace)["c"]
    assert (pin["commit"], "override" in pin) == (second, True)
    if made:
        joined = "where a merge joined it from two: git hybrid merge; else: "
        told = hybrid("sync", check=5).err
        assert f"hint: {joined[:-8]}\nhint: else: git hybrid pin c --to {second}\n" in told
        assert hybrid("check", "audit", "overrides", check=1).out.count(f"mend: {joined}") == 2
    for _ in range(2):
        told = hybrid("merge", check=1)
        assert [line.strip() for line in told.out.splitlines()[1:]] == [f"ours: {first}", f"theirs: {second}"]
    pin = lock(workspace)["c"]
    assert (pin["commit"], "override" in pin) == ((second, False) if made else (first, True))
    if made:
        assert f"hint: if ours is right: git hybrid pin c --to {first} --force --request" in told.err
        hybrid(*back)
        assert "nothing is in conflict" in hybrid("merge").err
    else:
        assert f"hint: if theirs is right: git hybrid pin c --to {second}\n" in told.err
    concluded(hybrid, workspace)
    assert "nothing is in conflict" in hybrid("merge").err


def test_comments_of_our_manifest_stay(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    manifest = workspace / "sources.toml"

    def theirs() -> None:
        replace(manifest, 'branch = "main"\n\n[source.d]', 'branch = "main"\ngroups = ["x"]\n\n[source.d]')
        added(hybrid, upstreams, "b")()

    def ours() -> None:
        replace(manifest, "[source.c]", "# ask Eve\n[source.c]\n# not beyond v2")
        replace(manifest, "[source.d]", "# the rest is team X's\n[source.d]")
        added(hybrid, upstreams, "a")()

    branched(theirs, ours)
    hybrid("merge")
    text = manifest.read_text()
    for comment in ("# ask Eve\n[source.c]\n# not beyond v2\n", "# the rest is team X's\n[source.d]\n"):
        assert comment in text
    assert text.count('groups = ["x"]') == text.count("[source.b]") == 1
    concluded(hybrid, workspace)


def test_markers_that_were_added_are_told(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    branched(added(hybrid, upstreams, "b"), added(hybrid, upstreams, "a"))
    git("add", "state/sources.lock", cwd=workspace)
    told = hybrid("merge", check=1).err
    assert "note: left to you: state/sources.lock" in told
    assert "git checkout --merge -- state/sources.lock" in told
    path = workspace / "state/sources.lock"
    added_as = path.read_text()
    path.write_text(f"# edited since\n{added_as}")
    told = hybrid("merge", check=1).err
    assert "checkout" not in told
    assert "markers of one stand in lines " in told
    path.write_text(added_as)
    git("checkout", "--merge", "--", "state/sources.lock", cwd=workspace)
    # Gone is not taken out: it is written again.
    (workspace / "state/sources.json").unlink()
    assert "note: merged state/sources.json" in hybrid("merge").err
    concluded(hybrid, workspace)


@pytest.mark.parametrize("is_added", [False, True])
def test_what_git_remembers_of_another_merge_names_no_lost_records(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None], *, is_added: bool
) -> None:
    def theirs() -> None:
        added(hybrid, upstreams, "b")()
        # Installed and recorded only where the branches have met.
        hybrid("add", upstreams["b"].url, "--branch", "main", "--name", "bb")

    def ours() -> None:
        added(hybrid, upstreams, "a")()
        git("config", "rerere.enabled", "true", cwd=workspace)
        git("config", "rerere.autoUpdate", str(is_added).lower(), cwd=workspace)

    branched(theirs, ours)
    hybrid("merge")
    concluded(hybrid, workspace)
    git("reset", "-q", "--hard", "HEAD^", cwd=workspace)
    git("merge", "-q", "their", cwd=workspace, check=False)
    if is_added:
        told = hybrid("merge", check=1).err
        assert "state/sources.json: it names records that are not in the audit log" in told
        (hint,) = re.findall("hint: .*: git (checkout --merge -- .*)", told)
        git(*hint.split(), cwd=workspace)
    assert "note: merged state/sources.json" in hybrid("merge").err
    concluded(hybrid, workspace)


def test_two_branches_that_pinned_the_same_agree(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    def moved() -> None:
        time.sleep(1.1)
        hybrid("pin", "--all")
        hybrid("sync")

    def first() -> None:
        upstreams["c"].commit({"README": "next"}, "next")
        (workspace / "sources.toml").write_text((workspace / "sources.toml").read_text() + table)
        moved()

    def second() -> None:
        replace(workspace / "sources.toml", "[source.c]", f"{table[1:]}\n[source.c]")
        moved()

    table = f'\n[source.b]\nurl = "{upstreams["b"].url}"\nbranch = "main"\n'
    branched(first, second)
    # git has the table of both, each in its place.
    told = hybrid("status", check=2).err
    assert "hint: where a merge joined it from two: git hybrid merge\nhint: else: mend sources.toml, then:" in told
    hybrid("merge")
    assert (workspace / "sources.toml").read_text() == git("show", "HEAD:sources.toml", cwd=workspace) + "\n"
    concluded(hybrid, workspace)
    # What was written since is not put back to what the merge had.
    since = (workspace / "sources.toml").read_text() + table + table.replace("source.b", "source.z")
    (workspace / "sources.toml").write_text(since)
    git("add", "sources.toml", cwd=workspace)
    assert "hint: mend sources.toml, then: git hybrid merge" in hybrid("merge", check=2).err
    assert (workspace / "sources.toml").read_text() == since


def test_the_newer_scan_of_the_commit_counts_with_its_report(
    hybrid: Hybrid,
    workspace: Path,
    upstreams: dict[str, Upstream],
    tmp_path: Path,
    branched: Callable[..., None],
) -> None:
    def scanned(body: str, check: int) -> Side:
        def act() -> None:
            use(workspace, a_scanner(tmp_path / "fake", body))
            time.sleep(1.1)
            hybrid("scan", check=check)

        return act

    branched(scanned("write()\n", 0), scanned('write(result("README"))\nsys.exit(1)\n', 1))
    hybrid("merge")
    for name, entry in state(workspace).items():
        assert entry["scan_status"]["state"] == "findings"
        report = (workspace / f"state/scans/{name}.sarif").read_bytes()
        assert hashlib.sha256(report).hexdigest() == entry["scan_status"]["report_sha256"]
    hybrid("audit", "verify")


def test_the_report_of_a_source_that_was_taken_out_goes_and_one_that_was_made_since_stays(
    hybrid: Hybrid,
    workspace: Path,
    upstreams: dict[str, Upstream],
    tmp_path: Path,
    branched: Callable[..., None],
) -> None:
    def scanned() -> None:
        a_scanner(tmp_path / "fake", f"write(result('README', level='note', text='{time.monotonic_ns()}'))\n")
        hybrid("sync", check=None)
        hybrid("scan", check=None)

    def base() -> None:
        use(workspace, tmp_path / "fake")
        scanned()

    def theirs() -> None:
        hybrid("remove", "d")
        time.sleep(1.1)
        scanned()

    branched(theirs, scanned, base)
    told = hybrid("merge")
    assert not (workspace / "state/scans/d.sarif").exists()
    assert "merged state/scans/d.sarif" in told.err
    scanned()
    again = hybrid("merge")
    assert "left to you" not in again.err
    for line in told.err.splitlines():
        if line.startswith("hint: git add"):
            git(*line.split()[2:], cwd=workspace)
    assert git("diff", "--name-only", "--diff-filter=U", cwd=workspace) == ""
    hybrid("sync")
    hybrid("check")
    hybrid("audit", "verify")


def test_what_both_moved_is_told_until_it_is_added(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    def side(revision: str) -> Side:
        def act() -> None:
            hybrid("pin", "c", "--to", upstreams["c"].rev(revision), *FORCE)
            hybrid("sync")

        return act

    branched(side("main~1"), side("main~2"))
    told = hybrid("merge", "--json", check=1).json()
    assert len(hybrid("override", "list", "--json").json()["overrides"]) == 2
    before = snapshot(workspace)
    # The choice comes first, and what it is told with is there also when all is added.
    show = "git show MERGE_HEAD:./state/sources.lock"
    theirs = next(line for line in git(*show.split()[1:], cwd=workspace).splitlines() if line.startswith("override"))
    which = "if theirs, which rests on {}, is right".format(theirs.split()[-1].strip('"'))
    choice = f"{which}, put its table into state/sources.lock: {show}\nhint: git add -- state/sources-overrides.json"
    assert choice in hybrid("merge", check=1).err
    again = hybrid("merge", "--json", check=1).json()
    assert again["sources"] == told["sources"]
    assert changes(before, snapshot(workspace)) == []
    # A forced pin of theirs is taken with the override that it rests on.
    (workspace / "state/sources.lock").write_text(git(*show.split()[1:], cwd=workspace) + "\n")
    hybrid("merge")
    git("add", "state", cwd=workspace)
    assert "nothing is in conflict" in hybrid("merge").err
    concluded(hybrid, workspace)
    assert lock(workspace)["c"]["commit"] == upstreams["c"].rev("main~1")


def test_records_that_the_log_does_not_tell_of_in_full_are_left(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    branched(forced(hybrid, upstreams, "c"), forced(hybrid, upstreams, "d"))
    log = workspace / "state/sources-audit.jsonl"
    records = [json.loads(line) for line in log.read_text().splitlines()]
    made: dict[str, str] = {}
    for record in records:
        if record["event"] == "override":
            del record["detail"]["reason"]
        record["prev"] = [made.get(digest, digest) for digest in record["prev"]]
        made[record["hash"]] = record["hash"] = record_hash(record)
    log.write_text("".join(f"{json.dumps(record, separators=(',', ':'))}\n" for record in records))
    told = hybrid("merge", check=1)
    assert "note: left to you: state/sources-overrides.json" in told.err
    assert "is not told in full by the audit log" in told.err
    assert set(lock(workspace)) == {"c", "d"}


def test_a_manifest_that_takes_a_person_is_left_and_one_that_was_merged_stays(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    def side(name: str, policy: str) -> Side:
        def act() -> None:
            added(hybrid, upstreams, name)()
            replace(workspace / "sources.toml", "[policy]", f"[policy]\n{policy}")

        return act

    branched(side("b", 'scan_max_age = "3d"'), side("a", 'scan_max_age = "5d"'))
    manifest = workspace / "sources.toml"
    before = manifest.read_text()
    told = hybrid("merge", check=1)
    assert "note: left to you: sources.toml\n" in told.err
    assert 'note: sources.toml: [policy] scan_max_age: ours "5d", theirs "3d"\n' in told.err
    assert manifest.read_text() == before
    ours = git("show", ":2:sources.toml", cwd=workspace)
    manifest.write_text(ours.replace("url =", "uri ="))
    stood = snapshot(workspace)
    told = hybrid("merge", check=2)
    assert "cause: line " in told.err
    assert told.err.endswith("git show :2:./sources.toml :3:./sources.toml\n")
    assert changes(stood, snapshot(workspace)) == []
    merged = ours
    merged += f'\n[source.b]\nurl = "{upstreams["b"].url}"\nbranch = "main"\n'
    manifest.write_text(merged)
    hybrid("merge")
    assert manifest.read_text() == merged
    concluded(hybrid, workspace)


def test_a_manifest_in_which_both_changed_other_keys_is_merged(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    manifest = workspace / "sources.toml"

    def theirs() -> None:
        replace(manifest, 'branch = "main"\n\n[source.d]', 'branch = "main"\ngroups = ["x"]\n\n[source.d]')
        replace(manifest, "[policy]", '[policy]\nmirror_max_staleness = "3d"')
        forced(hybrid, upstreams, "d")()

    def ours() -> None:
        replace(manifest, 'branch = "main"\n\n[source.d]', 'tag = "v1"\n\n[source.d]')
        replace(manifest, "[policy]", '[policy]\nscan_max_age = "3d"')
        upstreams["c"].tag("v1")
        hybrid("pin", "c")
        hybrid("sync")

    branched(theirs, ours)
    hybrid("merge")
    text = manifest.read_text()
    for line in ('groups = ["x"]', 'tag = "v1"', 'mirror_max_staleness = "3d"', 'scan_max_age = "3d"'):
        assert text.count(line) == 1
    assert lock(workspace)["c"]["ref"] == "refs/tags/v1"
    concluded(hybrid, workspace)


def test_a_source_that_was_taken_out_has_no_pin_though_the_manifest_takes_a_person(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    manifest = workspace / "sources.toml"

    def theirs() -> None:
        replace(manifest, "[policy]", '[policy]\nscan_max_age = "3d"')
        forced(hybrid, upstreams, "d")()

    def ours() -> None:
        replace(manifest, "[policy]", '[policy]\nscan_max_age = "5d"')
        hybrid("remove", "d")
        added(hybrid, upstreams, "a")()

    branched(theirs, ours)
    told = hybrid("merge", check=1)
    assert told.out.splitlines()[0].split()[:2] == ["d", "both"]
    assert set(lock(workspace)) == {"a", "c"}
    manifest.write_text(git("show", ":2:sources.toml", cwd=workspace) + "\n")
    concluded(hybrid, workspace)


def test_a_mirror_that_one_side_took_out_and_the_other_one_changed_is_told(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    inventory = workspace / "state/sources-mirrors.json"

    def base() -> None:
        hybrid("mirror", "add", "m", "https://m.example.org", "--owner", "ops@example.org")

    def theirs() -> None:
        replace(inventory, '"ops@example.org"', '"eve@example.org"')
        added(hybrid, upstreams, "b")()

    def ours() -> None:
        hybrid("mirror", "remove", "m")
        added(hybrid, upstreams, "a")()

    branched(theirs, ours, base)
    assert "note: both changed the mirror m: theirs stands\n" in hybrid("merge", check=1).err
    assert '"eve@example.org"' in inventory.read_text()


def test_files_in_which_git_puts_no_markers_are_merged_too(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    def base() -> None:
        with (workspace / ".gitattributes").open("a") as file:
            file.write("*.lock binary\n*.toml -merge\n*.json merge=binary\n")

    branched(added(hybrid, upstreams, "b"), added(hybrid, upstreams, "a"), base)
    assert "<<<<<<<" not in (workspace / "state/sources.lock").read_text()
    hybrid("merge")
    assert set(lock(workspace)) == {"a", "b", "c", "d"}
    concluded(hybrid, workspace)


def test_branches_that_had_met_before(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    def moved(name: str) -> None:
        upstreams[name].commit({"README": f"{time.monotonic_ns()}"}, "next")
        hybrid("pin", name)
        hybrid("sync")

    def theirs() -> None:
        added(hybrid, upstreams, "b")()
        forced(hybrid, upstreams, "d")()

    def met(other: str, message: str) -> None:
        hybrid("merge")
        hybrid("sync")
        git("add", "-A", cwd=workspace)
        git("commit", "-q", "-m", message, cwd=workspace)
        git("switch", "-q", other, cwd=workspace)

    branched(theirs, added(hybrid, upstreams, "a"))
    git("tag", "first", cwd=workspace)
    met("their", "merged here")
    git("merge", "-q", "first", cwd=workspace, check=False)
    met("their", "merged there")
    replace(workspace / "sources.toml", "[policy]", '[policy]\nscan_max_age = "3d"')
    hybrid("remove", "a")
    moved("c")
    git("commit", "-q", "-a", "-m", "theirs again", cwd=workspace)
    git("switch", "-q", "main", cwd=workspace)
    replace(workspace / "sources.toml", "[policy]", '[policy]\nmirror_max_staleness = "3d"')
    hybrid("sync")
    moved("b")
    git("commit", "-q", "-a", "-m", "ours again", cwd=workspace)
    git("merge", "-q", "their", cwd=workspace, check=False)
    assert "<<<<<<<" in git("show", ":1:state/sources.lock", cwd=workspace)
    hybrid("merge")
    text = (workspace / "sources.toml").read_text()
    assert 'scan_max_age = "3d"' in text
    assert 'mirror_max_staleness = "3d"' in text
    assert "[source.a]" not in text
    wanted = {"b": "main", "c": "main", "d": "main~1"}
    pins = {name: pin["commit"] for name, pin in lock(workspace).items()}
    assert pins == {name: upstreams[name].rev(revision) for name, revision in wanted.items()}
    hybrid("sync", "--prune")
    concluded(hybrid, workspace)


def test_of_two_archives_under_one_name_both_stay(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    def theirs() -> None:
        added(hybrid, upstreams, "b")()
        hybrid("audit", "rotate")

    branched(theirs, lambda: hybrid("audit", "rotate"))
    (name,) = (path.name for path in (workspace / "state").glob("sources-audit.*.jsonl"))
    other = name.replace(".jsonl", "-2.jsonl")
    for _ in range(2):
        assert f"hint: git add -- state/{name} state/{other}" in hybrid("merge").err
    (workspace / "state" / name).write_bytes((workspace / "state" / other).read_bytes())
    hybrid("merge")
    git("add", "-A", cwd=workspace)
    concluded(hybrid, workspace)


def test_without_the_lines_of_gitattributes_the_log_is_joined_too(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    def base() -> None:
        (workspace / ".gitattributes").write_text("")

    branched(forced(hybrid, upstreams, "c"), forced(hybrid, upstreams, "d"), base)
    assert "<<<<<<<" in (workspace / "state/sources-audit.jsonl").read_text()
    assert hybrid("sync", check=2).err.endswith("hint: git hybrid merge\n")
    hybrid("merge")
    assert len(hybrid("override", "list", "--json").json()["overrides"]) == 2
    concluded(hybrid, workspace)


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_log_that_was_committed_with_a_conflict_in_it_is_put_right(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None], *, by_hand: bool
) -> None:
    def base() -> None:
        (workspace / ".gitattributes").write_text("")

    branched(forced(hybrid, upstreams, "c"), forced(hybrid, upstreams, "d"), base)
    log = workspace / "state/sources-audit.jsonl"
    torn = log.read_bytes()
    hybrid("merge")
    hybrid("sync")
    log.write_bytes(torn)
    mends = re.findall("  mend: (.*)", hybrid("check", "metadata", "audit", check=1).out)
    assert mends == ["git hybrid merge"]
    git("add", "-A", cwd=workspace)
    git("commit", "-q", "-n", "-m", "with markers", cwd=workspace)
    told = hybrid("audit", "verify", check=5)
    assert "conflict: is a marker of a merge conflict (with lines " in told.out
    assert told.err == "error: the audit log cannot be relied on: 1 breach\nhint: git hybrid merge\n"
    assert "is a marker of a merge conflict" in hybrid("check", "audit", "--staged", check=1).out
    if by_hand:
        log.write_bytes(b"".join(line for line in torn.splitlines(keepends=True) if line.startswith(b"{")))
    else:
        assert "note: merged state/sources-audit.jsonl" in hybrid("merge").err
    git("add", "-A", cwd=workspace)
    hybrid("check", "--staged")
    concluded(hybrid, workspace)


def test_an_override_that_one_side_revoked_stays_so_where_git_left_the_log_of_the_other(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    def base() -> None:
        names = ("sources-audit.jsonl", "sources-overrides.json")
        (workspace / ".gitattributes").write_text("".join(f"state/{name} -merge\n" for name in names))
        forced(hybrid, upstreams, "c")()

    def theirs() -> None:
        (record,) = hybrid("override", "list", "--json").json()["overrides"]
        hybrid("override", "revoke", record["id"], "--reason", "no")

    branched(theirs, forced(hybrid, upstreams, "d"), base)
    hybrid("merge")
    records = hybrid("override", "list", "--json").json()["overrides"]
    assert {record["source"]: record["status"] for record in records} == {"c": "revoked", "d": "active"}
    hybrid("audit", "verify")


def test_the_ends_of_lines_in_the_working_tree_stay(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], branched: Callable[..., None]
) -> None:
    def base() -> None:
        git("config", "core.autocrlf", "true", cwd=workspace)

    branched(added(hybrid, upstreams, "b"), added(hybrid, upstreams, "a"), base)
    manifest = workspace / "sources.toml"
    assert b"\r\n<<<<<<<" in manifest.read_bytes()
    hybrid("merge")
    text = manifest.read_bytes()
    assert text.count(b"\n") == text.count(b"\r\n")
    concluded(hybrid, workspace)


def test_outside_of_git_nothing_is_in_conflict(hybrid: Hybrid, workspace: Path) -> None:
    hybrid("init")
    assert "nothing is in conflict" in hybrid("merge").err
    manifest = workspace / "sources.toml"
    lines = len(manifest.read_text().splitlines())
    with manifest.open("a") as file:
        file.write("<<<<<<< HEAD\n# a\n||||||| base\n=======\n# b\n>>>>>>> other\n# =======\n")
    assert hybrid("status", check=2).err.endswith("hint: git hybrid merge\n")
    told = hybrid("merge", check=1).err
    where = ", ".join(str(lines + number) for number in (1, 3, 4, 6))
    assert f"markers of one stand in lines {where}\n" in told
    assert told.endswith("hint: put sources.toml right and delete these lines, then: git hybrid diag\n")
