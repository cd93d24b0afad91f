"""The audit log against those who change it, in and out of a repository, over merges and rotations."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from git_hybrid.core.audit_archives import FROM_GIT
from git_hybrid.core.canonical import canonical_json
from git_hybrid.core.words import BRING_BACK
from support.cli import executable, merged_env, run_hybrid
from support.governed import (
    ADA,
    LOCK,
    LOG,
    OPTIONS,
    OVERRIDES,
    STATE,
    Site,
    forced_site,
    option_words,
    plain_site,
    signed_line,
)
from support.kit import git


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return forced_site(tmp_path, tmp_path_factory)


@pytest.fixture
def plain(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plain_site(tmp_path, tmp_path_factory)


def edit(site: Site) -> None:
    lines = site.lines()
    lines[3] = lines[3].replace(ADA, "Eve <eve@example.org>")
    site.put_lines(lines)


def delete(site: Site) -> None:
    lines = site.lines()
    site.put_lines(lines[:4] + lines[5:])


def insert(site: Site) -> None:
    lines = site.lines()
    record = json.loads(lines[4])
    record["operator"] = "Eve <eve@example.org>"
    site.put_lines([*lines[:5], signed_line(record), *lines[5:]])


def reorder(site: Site) -> None:
    lines = site.lines()
    lines[3], lines[4] = lines[4], lines[3]
    site.put_lines(lines)


def cut(site: Site) -> None:
    site.put_lines(site.lines()[:-2])


def roll_back(site: Site) -> None:
    site.write(LOG, git("show", f"HEAD~1:{LOG}", cwd=site.root) + "\n")


def rechained(records: list[dict[str, object]]) -> list[str]:
    lines: list[str] = []
    for number, record in enumerate(records, 1):
        record["seq"], record["prev"] = number, [json.loads(lines[-1])["hash"]] if lines else []
        lines.append(signed_line(record))
    return lines


def rewrite(site: Site) -> None:
    records = site.log()
    for record in records:
        record["operator"] = "Eve <eve@example.org>"
    site.put_lines(rechained(records))


def duplicate(site: Site) -> None:
    lines = site.lines()
    site.put_lines([*lines, lines[5]])


def forge(site: Site) -> None:
    last = site.log()[-1]
    record = {**last, "seq": last["seq"] + 5, "prev": ["0" * 64], "operator": "Eve <eve@example.org>"}
    site.put_lines([*site.lines(), signed_line(record)])


def junk(site: Site) -> None:
    lines = site.lines()
    site.put_lines([*lines[:3], '{"v":1,"seq":1e3}', *lines[3:]])


@pytest.mark.parametrize("in_git", [True, False])
@pytest.mark.parametrize(
    ("tamper", "ids", "line"),
    [
        (edit, {"edited"}, 4),
        (delete, {"missing"}, 5),
        (insert, {"inserted", "fork"}, 6),
        (reorder, {"reordered"}, 4),
        (cut, {"cut", "not-append-only"}, 0),
        (roll_back, {"cut", "not-append-only"}, 0),
        (rewrite, {"cut", "not-append-only"}, 0),
        (duplicate, {"repeated"}, 12),
        (forge, {"missing"}, 12),
        (junk, {"junk"}, 4),
    ],
)
def test_each_attack_is_named_with_what_it_proves(
    site: Site, tamper: Callable[[Site], None], ids: set[str], line: int, in_git: bool
) -> None:
    tamper(site)
    if not in_git:
        (site.root / ".git").rename(site.root.parent / "elsewhere")
    breaches = site.verified(notes=not in_git)
    assert ids & {item.id for item in breaches}, breaches
    assert line in (0, breaches[0].line), breaches
    assert all(item.what and item.proves for item in breaches)
    assert site.checked("audit") != []


def test_a_record_that_no_command_writes_is_a_finding_and_counts_for_nothing(site: Site) -> None:
    scan = {"event": "scan", "source": "tool", "after": site.commits.second}
    forged: list[dict[str, object]] = [
        *({**scan, "detail": {"state": "findings", "findings": odd}} for odd in ([{}], 5, [{"id": "a"}])),
        {**scan, "detail": {"state": "findings", "counts": [1], "findings": []}},
        {"event": "mirror-add", "detail": {"mirror": ["a"]}},
        {"event": "bundle-apply", "detail": {"log_id": site.log()[0]["log_id"]}},
        {"event": "pin", "source": "tool", "detail": {}},
        {**scan, "detail": {"state": "findings", "scanners": ["x"]}},
        {"event": "pin", "source": "tool", "after": site.commits.second, "detail": {"content_sha256": 5}},
        {"event": "rotated", "detail": {"archive": "x", "sha256": []}},
    ]
    lines, who = site.lines(), {key: site.log()[-1][key] for key in ("v", "at", "operator", "command_id")}
    for record in forged:
        last = json.loads(lines[-1])
        lines.append(signed_line({**record, **who, "seq": last["seq"] + 1, "prev": [last["hash"]]}))
    site.put_lines(lines)
    assert [(item.id, item.seq) for item in site.verified()] == [("malformed", seq) for seq in range(12, 22)]
    assert len(site.checked("audit")) == len(forged)
    site("status")
    site("sync")
    site("pin", "tool")
    site("audit", "verify", check=5)
    site("dashboard", "-o", site.root / "page.html")


def test_a_committed_line_that_no_command_wrote_so_is_put_right_by_merge(site: Site) -> None:
    before, pin = site.lines(), next(record for record in site.log() if record["event"] == "pin")
    strange = {**pin, "event": "note", "zz": {"hash": "0" * 64, "n": 1}}
    line = canonical_json(strange).decode()
    at = line.rfind('"hash":"')
    # One hash stands on two lines, each of which has it of itself, as it seems.
    line = line.replace("0" * 64, hashlib.sha256((line[:at] + line[at + 74 :]).encode()).hexdigest())
    edited, respelled = before[3].replace("Ada", "Eve"), before[5].replace('":', '": ')
    site.put_lines([*before[:3], edited, before[4], respelled, *before[6:], line])
    assert {"edited", "respelled", "forged"} <= {item.id for item in site.verified()}
    site.commit("forged")
    site.write("other", "x")
    site.commit("something else")
    found = {item.line: item for item in site.verified() if item.line}
    assert [(item.id, line) for line, item in found.items()] == [("edited", 4), ("respelled", 6), ("forged", 12)]
    assert {item.mend for item in found.values()} == {"git hybrid merge"}
    assert site("audit", "verify", check=5).err.count("git hybrid merge") == 1
    site("pin", "tool", check=2)
    assert "git add -- state/sources-audit.jsonl" in site("merge").err
    assert site.lines() == before
    assert (site.verified(), site.checked("audit")) == ((), [])
    # Nobody misses then what was committed and is no record.
    for message in ("put right", "and on"):
        site.write("other", message)
        site.commit(message)
        assert (site.verified(), site.checked("audit")) == ((), [])
    site("pin", "tool")


def test_verify_exits_with_5_and_names_the_first_bad_record(site: Site) -> None:
    told = site("audit", "verify").out
    assert "11 records, whole" in told
    assert "git has committed" in told
    edit(site)
    verified = site("audit", "verify", check=5)
    assert verified.err.splitlines()[0] == "error: the audit log cannot be relied on: 2 breaches"
    found, (hint,) = verified.out, [line for line in verified.err.splitlines() if line.startswith("hint: ")]
    assert f"mend: {hint.removeprefix('hint: ')}\n" in site("check", "audit", check=1).out
    assert f"{LOG}:4 (record 4): edited" in found
    assert "proves: it was edited" in found
    document = site("audit", "verify", "--json", check=5).json()
    assert document["breaches"][0]["seq"] == 4
    site("check", "audit", check=1)
    # Whoever reads the others is told.
    assert f"note: line 4 of {LOG} is no record: git hybrid audit verify" in site("audit", "log", "tool").err
    name, above = site.root.name, site.root.parent
    told = run_hybrid("-C", name, "audit", "log", "tool", cwd=above).err
    assert f"note: line 4 of {name}/{LOG} is no record: git hybrid -C {name} audit verify" in told
    kept = site.lines()
    junk(site)
    for words in (["log", "--json"], ["export", "--format", "csv"], ["export", "--format", "json", "-o", "x.json"]):
        told = site("audit", *words).err
        assert f"note: 2 lines of the audit log are no records, the first is line 4 of {LOG}: git hybrid" in told
    site.put_lines(kept)
    # Nothing is written behind a log that was changed.
    before = site.read(LOG)
    site("pin", "tool", check=2)
    assert site.read(LOG) == before


def test_a_full_rewrite_of_all_files_shows_against_git_alone(site: Site) -> None:
    records = site.log()
    (old,) = site.overrides()
    for record in records:
        record["operator"] = "Eve <eve@example.org>"
    lines = rechained(records)
    site.put_lines(lines)
    hashes = {before["hash"]: after["hash"] for before, after in zip(_committed_log(site), site.log(), strict=True)}
    for name in (OVERRIDES, STATE):
        text = site.read(name)
        for before, after in hashes.items():
            text = text.replace(before, after)
        site.write(name, text)
    assert site.overrides()[0]["audit_hash"] == hashes[old["audit_hash"]]
    assert {"not-append-only"} <= {item.id for item in site.verified()}
    git("add", "-A", cwd=site.root)
    git("commit", "-q", "-m", "rewrite", cwd=site.root)
    assert {"lost-by-commit", "cut"} <= {item.id for item in site.verified()}
    assert {"lost-by-commit"} <= {item.id for item in site.verified(since="HEAD~1")}


def _committed_log(site: Site) -> list[dict[str, str]]:
    return [json.loads(line) for line in git("show", f"HEAD:{LOG}", cwd=site.root).splitlines()]


def test_a_clone_keeps_the_log_byte_for_byte_where_line_endings_are_converted(site: Site, tmp_path: Path) -> None:
    site.write(".gitattributes", "* text=auto eol=crlf\n" + site.read(".gitattributes"))
    site.commit("a team's line endings")
    git("clone", "-q", "-c", "core.autocrlf=true", site.root.as_uri(), tmp_path / "clone", cwd=tmp_path)
    log = (site.root / LOG).read_bytes()
    assert (tmp_path / "clone" / LOG).read_bytes() == log
    assert b"\r\n" in (tmp_path / "clone/sources.toml").read_bytes()


def test_converted_line_endings_are_told_from_a_cut_log(site: Site) -> None:
    """As a clone has it that git converted: made before `init` wrote -text, or mended by hand since."""
    site.write(".gitattributes", f"/{LOG} merge=union\n")
    site.commit("an older workspace")
    for path in (site.root / "state").glob("sources*"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert [item.id for item in site.verified()] == ["line-endings"]
    found = site("audit", "verify", check=5).out
    assert "line endings were converted" in found
    assert "cut" not in found
    (violation,) = site.checked("audit")
    assert violation.mend.startswith("echo '/state/** -text' >> .gitattributes, then sed -i ")
    # What is written behind them counts, and the mend loses none of it.
    site("override", "revoke", site.overrides()[0]["id"], "--reason", "done")
    assert [item.id for item in site.verified()] == ["line-endings"]
    for command in violation.mend.split(", then "):
        subprocess.run(["/bin/sh", "-c", command], cwd=site.root, check=True)
    assert site.verified() == ()
    assert site.log()[-1]["event"] == "override-revoked"


def test_a_log_whose_converted_lines_were_committed_is_not_accused(site: Site) -> None:
    path = site.root / LOG
    written = path.read_bytes()
    path.write_bytes(written.replace(b"\n", b"\r\n"))
    site.commit("converted")
    assert [item.id for item in site.verified()] == ["line-endings"]
    site("audit", "rotate")
    assert b"\r" not in (next((site.root / "state").glob("sources-audit.2*"))).read_bytes()
    assert site.verified() == ()


def test_since_holds_the_commits_after_a_revision(site: Site) -> None:
    site("audit", "verify", "--since", "HEAD~1")
    for wrong in ("none", "--all", "HEAD:state"):
        site("audit", "verify", f"--since={wrong}", check=2)


def test_records_of_every_wrong_shape_are_junk_and_crash_nothing(site: Site) -> None:
    last = site.log()[-1]
    wrong = [{"at": "yesterday"}, {"event": []}, {"seq": "1"}, {"prev": [1]}, {"prev": {}}, {"detail": []}, {"v": 0}]
    wrong += [{"torn": [{"len": []}]}, {"operator": 1}, {"source": {}}, {"detail": {"x": 1}, "seq": 0}]
    for changed in wrong:
        site.put_lines([*site.lines()[:11], signed_line({**last, **changed})])
        assert "junk" in {item.id for item in site.verified()}, changed
    site("sync", "-q")
    for line in ('{"v":1', "[]", "null", '{"a":1.5}', '{"hash":NaN}', "{" * 3000, '{"a":1,"a":2}', "\\ud800"):
        site.put_lines([*site.lines()[:11], line, ""])
        assert "junk" in {item.id for item in site.verified()}, line


def test_two_branches_that_both_wrote_merge_and_verify(plain: Site) -> None:
    assert f"/{LOG} merge=union" in plain.read(".gitattributes")
    git("checkout", "-q", "-b", "side", cwd=plain.root)
    plain("add", plain.tool.url, "--name", "side")
    plain.commit("side")
    side = plain.lines()
    git("checkout", "-q", "main", cwd=plain.root)
    plain("add", plain.tool.url, "--name", "other")
    plain.commit("other")
    main = plain.lines()
    git("merge", "-q", "side", cwd=plain.root, check=False)
    assert {*main, *side} == set(plain.lines())
    for name in ("sources.toml", LOCK, STATE):
        mine = git("show", f"main:{name}", cwd=plain.root)
        plain.write(name, mine + "\n")
    git("add", "-A", cwd=plain.root)
    # While the merge is under way, and once it is made.
    assert plain.checked("audit", staged=True) == [] == plain.checked("audit")
    plain.commit("merge")
    assert plain.verified() == ()
    plain("pin", "other", "--to", "v1.0.0", "--force", "--request", "CHG-1", "--approver", "bea@example.org",
          "--reason", "x", "--expires", "2d")  # fmt: skip
    assert len(plain.log()[-3]["prev"]) == 2
    assert plain.verified() == ()
    plain.commit("joined")
    # In an archive of that, nothing tells which branches there were.
    (plain.root / ".git").rename(plain.root.parent / "elsewhere")
    told = plain("audit", "verify").out.splitlines()
    assert told[1].endswith("is of 1 fork, not held against git: no commit here has the log")
    assert [item.level for item in plain.checked("audit")] == ["note"]
    plain("audit", "rotate")
    plain("audit", "verify")
    (plain.root.parent / "elsewhere").rename(plain.root / ".git")
    git("reset", "-q", "--hard", cwd=plain.root)
    git("clean", "-q", "-f", "state", cwd=plain.root)
    # A merge that lost the records of one side, at once and later.
    git("checkout", "-q", "-b", "bad", "HEAD~1^1", cwd=plain.root)
    git("merge", "-q", "-s", "ours", "-m", "bad", "side", cwd=plain.root)
    assert [item.id for item in plain.verified()] == ["lost-by-commit"]
    assert plain.checked("audit", staged=True) != []
    git("commit", "-q", "--allow-empty", "-m", "later", cwd=plain.root)
    (lost,) = plain.checked("audit")
    assert "merge lost them" in plain("check", "audit", check=1).out
    # The mend brings them back to where the hook lets them pass.
    subprocess.run(["/bin/sh", "-c", lost.mend.removeprefix(FROM_GIT)], cwd=plain.root, check=True)
    git("add", LOG, cwd=plain.root)
    assert {*main, *side} == set(plain.lines())
    assert plain.verified() == ()
    assert plain.checked("audit", staged=True) == []


def test_a_merge_that_is_about_to_lose_records_is_stopped(plain: Site) -> None:
    git("checkout", "-q", "-b", "side", cwd=plain.root)
    plain("add", plain.tool.url, "--name", "side")
    plain.commit("side")
    git("checkout", "-q", "main", cwd=plain.root)
    git("commit", "-q", "--allow-empty", "-m", "main", cwd=plain.root)
    git("merge", "-q", "--no-commit", "-s", "ours", "side", cwd=plain.root)
    assert [item.what for item in plain.checked("audit", staged=True)]


def test_a_revoked_override_does_not_come_back_by_a_merge(site: Site) -> None:
    ident = site.overrides()[0]["id"]
    git("checkout", "-q", "-b", "side", cwd=site.root)
    site("override", "renew", ident, "--expires", "25d", "--approver", "dan@example.org", "--reason", "x")
    site.commit("renewed")
    renewed = site.read(OVERRIDES)
    git("checkout", "-q", "main", cwd=site.root)
    site("override", "revoke", ident, "--reason", "no")
    site.commit("revoked")
    git("merge", "-q", "side", cwd=site.root, check=False)
    site.write(OVERRIDES, renewed)
    site.commit("merged")
    assert [item["event"] for item in site.log()][-1] == "override-renewed"
    site("sync", check=5)
    assert site.checked("overrides") != []


def test_rotation_keeps_the_chain(site: Site) -> None:
    archive = site("audit", "rotate").out.strip().removeprefix("archived as ")
    year = time.gmtime().tm_year
    assert archive == f"state/sources-audit.{year}.jsonl"
    first = site.log()[0]
    assert (first["event"], len(site.log())) == ("rotated", 1)
    data = (site.root / archive).read_bytes()
    assert first["detail"] == {
        "archive": Path(archive).name, "count": 13, "sha256": hashlib.sha256(data).hexdigest(),
    }  # fmt: skip
    assert first["prev"] == [json.loads(data.splitlines()[-1])["hash"]]
    assert not (site.root / archive).stat().st_mode & 0o222
    site("sync")
    site("audit", "rotate")
    assert site.verified() == ()
    site.commit("rotated")
    assert site.verified() == ()
    assert site.checked("overrides") + site.checked("audit") == []
    assert "pin" in {item["event"] for item in site("audit", "log", "--json").json()["records"]}
    kept = (site.root / archive).read_bytes()
    (site.root / archive).chmod(0o644)
    (site.root / archive).write_bytes(kept.replace(b"ada@", b"eve@", 1))
    found = site.verified()
    assert (found[0].id, found[0].file) == ("edited", archive)
    assert "archive-changed" in {item.id for item in found}
    assert {item.mend.partition("git: ")[2] for item in found} == {f"git checkout HEAD -- {archive}"}
    (site.root / archive).write_bytes(kept[:-1])
    site.commit("edited")
    (changed,) = site.checked("audit", pushed="HEAD")
    assert [(item.id, item.mend) for item in site.verified()] == [("archive-changed", changed.mend)]
    subprocess.run(changed.mend.partition("git: ")[2], shell=True, cwd=site.root, check=True)
    assert site.verified() == ()
    (site.root / archive).unlink()
    assert [item.id for item in site.verified()] == ["archive-missing"]
    assert archive in site("audit", "verify", check=5).out
    # What the archive bears out waits for it.
    for name, code in (("sync", 5), ("status", 0), ("pin", 2), ("override restore", 2)):
        told = site(*name.split(), check=code)
        assert archive in told.out + told.err
        assert [line for line in told.err.splitlines() if line.startswith("hint")] == [f"hint: {BRING_BACK}"]
    assert [item.mend for item in site.checked("overrides")] == [BRING_BACK]
    # A rebase leaves it to the reflog alone.
    git("reset", "-q", "HEAD~2", cwd=site.root)
    (missing,) = site.verified()
    subprocess.run(missing.mend.partition("git: ")[2], shell=True, cwd=site.root, check=True)
    assert (site.root / archive).read_bytes() == kept


def test_intent_stands_before_the_first_effect_of_a_run_that_is_killed(plain: Site) -> None:
    site = plain
    site.force(site.commits.hotfix)
    before = len(site.log())
    # A git that stops for good when the working tree is about to be changed.
    folder = site.root.parent / "bin"
    folder.mkdir()
    real = subprocess.run(["sh", "-c", "command -v git"], capture_output=True, text=True, check=True).stdout.strip()
    script = folder / "git"
    script.write_text(
        f'#!/bin/sh\ncase "$*" in *checkout*) touch {folder}/there; exec sleep 60;; esac\nexec {real} "$@"\n'
    )
    script.chmod(0o755)
    env = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "GIT_HYBRID_OPERATOR": ADA}
    child = subprocess.Popen(
        [executable(), "sync"], cwd=site.root, env=merged_env(env), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with child:
        end = time.monotonic() + 30
        while not (folder / "there").exists() and time.monotonic() < end:
            time.sleep(0.02)
        os.killpg(child.pid, signal.SIGKILL)
    (intent,) = site.log()[before:]
    assert intent["event"] == "intent"
    assert intent["detail"] == {"command": "git hybrid sync", "sources": {"tool": site.commits.hotfix}}
    # Meanwhile the override ends: what was begun is not finished.
    site("resume", check=6, shift="+21d")
    assert site.verified() == ()
    assert not (site.root / "state/resume.json").exists()


def test_what_was_announced_and_failed_is_told(plain: Site) -> None:
    plain.force(plain.commits.hotfix)
    (plain.root / "sources/tool/fix").write_text("mine\n")
    (plain.root / "sources/tool/.git/info/exclude").write_text("fix\n")
    plain("sync", check=3)
    events = [item["event"] for item in plain.log()[-2:]]
    assert events == ["intent", "failed"]


def test_log_filters(site: Site) -> None:
    def found(*options: str) -> list[str]:
        return [item["event"] for item in site("audit", "log", *options, "--json").json()["records"]]

    assert found("--request", "CHG-1", "--incident", "INC-7") == ["override"]
    assert found("tool", "--event", "pin", "--since", "1d") == ["pin", "pin"]
    assert found("--source", "tool", "--event", "pin") == found("tool", "--source", "tool", "--event", "pin")
    assert "is another one than tool" in site("audit", "log", "tool", "--source", "other", check=2).err
    assert found("--event", "add", "--event", "override") == ["override", "add"]
    assert found("--operator", "ADA@", "--max-count", "2") == ["update", "intent"]
    assert found("tool", "--event", "pin", "--since", "2d", "--until", "1d") == []
    assert found("--until", "2100-01-01", "-n", "1") == ["update"]
    commit = site("audit", "log", "--max-count", "1", "--json").json()["records"][0]["after"]
    assert {"pin", "update"} <= {*found("--commit", commit[:7].upper())} < {*found()}
    assert found("--commit", "0" * 40) == []
    for wrong in (("--since", "x"), ("--until", "x"), ("--commit", "main")):
        assert f"error: {wrong[0]}: " in site("audit", "log", *wrong, check=2).err
    narrowed = site("audit", "export", "--commit", commit, "--until", "2100-01-01").out.splitlines()
    assert 1 < len(narrowed) < len(site("audit", "export").out.splitlines())
    assert "no such source: nope" in site("audit", "log", "nope", check=2).err
    told = site("audit", "log", "--event", "nope", check=2).err
    assert told.startswith("error: --event: 'nope': is no event: init, add, remove, pin, ")
    assert site("audit", "log", "--event", "mirror-add").err == "no records\n"
    site("remove", "tool")
    assert "remove" in found("tool")
    told = site("audit", "log", "-v").out
    assert site.commits.hotfix[:10] in told
    assert "\n    sources: tool\n" in told


def test_whoever_wants_more_is_told_by_which_id_the_log_knows_a_command(plain: Site) -> None:
    held: list[str] = []
    for words in (
        ("pin", "tool", "--to", plain.commits.first, "--force", *option_words(OPTIONS)),
        ("override", "revoke", "HELD", "--reason", "over"),
        ("pin", "tool"),
        ("sync",),
        ("mirror", "add", "m", "https://m.example.org", "--owner", "me"),
        ("audit", "rotate"),
        ("reset", "tool"),
        ("remove", "tool"),
    ):
        before = len(plain.log())
        done = plain("-v", *(held[0] if word == "HELD" else word for word in words))
        # A log that was rotated begins anew; what has nothing to do leaves no record, and no id to look for.
        new = plain.log()[0 if words[0] == "audit" else before :]
        told = [line.removeprefix("command id ") for line in done.err.splitlines() if line.startswith("command id ")]
        assert told == sorted({record["command_id"] for record in new})
        assert bool(told) is (words[0] not in {"sync", "reset"})
        held = held or [plain.overrides()[0]["id"]]
    for silent in (("-v", "status"), ("-v", "audit", "log"), ("-q", "-v", "sync"), ("-v", "sync", "-n"), ("sync",)):
        assert "command id " not in plain(*silent).err
    assert "command id " not in plain("-v", "sync", "--json").err
