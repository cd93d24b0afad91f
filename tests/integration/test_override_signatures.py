"""Approvals of those whose keys policy names: what counts once an override is recorded, for every command and hook."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from git_hybrid.core.canonical import canonical_json
from support.cli import run_hybrid
from support.governed import ADA, BEA, LOCK, LOG, OVERRIDES, STATE, Site, forced_site, signed_line
from support.kit import git
from support.signing import signed, with_key

KEYED = "is not signed with the key that policy names"
REQUEST = ("--request", "CHG-1", "--reason", "hotfix")


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a workspace with an override that names its approver, and nothing else."""
    return forced_site(tmp_path, tmp_path_factory)


def signature(site: Site, key: Path, *words: str) -> Path:
    """Return the signature of what ``override request`` prints."""
    return signed(key, site("override", "request", *words).out)


def forge(site: Site, armour: str) -> None:
    """Write *armour* into the override, and write the log anew so that every digest and hash is right."""
    document = json.loads(site.read(OVERRIDES))
    record = document["overrides"][0]
    record["approvers"][0]["signature"] = armour
    told = {key: value for key, value in record.items() if key != "audit_hash"}
    digest = hashlib.sha256(canonical_json(told)).hexdigest()
    hashes: dict[str, str] = {}
    lines = []
    for item in site.log():
        before: dict[str, Any] = dict(item)
        before["prev"] = [hashes[name] for name in before["prev"]]
        if before["event"] == "override":
            before["detail"] = {**before["detail"], "approvers": record["approvers"], "override_sha256": digest}
        lines.append(signed_line(before))
        hashes[item["hash"]] = json.loads(lines[-1])["hash"]
    record["audit_hash"] = hashes[record["audit_hash"]]
    site.put_lines(lines)
    site.write(OVERRIDES, json.dumps(document, indent=2, sort_keys=True) + "\n")
    state = site.read(STATE)
    for old, new in hashes.items():
        state = state.replace(old, new)
    site.write(STATE, state)


@pytest.mark.parametrize("armour", [None, "trust me"])
def test_a_name_without_a_good_signature_does_not_count(site: Site, tmp_path: Path, armour: str | None) -> None:
    with_key(site, tmp_path)
    if armour is not None:
        forge(site, armour)
    git("add", "-A", cwd=site.root)
    for staged in (False, True):
        found = [item for item in site.checked("overrides", staged=staged) if item.level == "fail"]
        assert KEYED in found[0].what
        assert found[0].mend.endswith("--signature FILE")
    shutil.rmtree(site.root / "sources/tool")
    told = site("sync", check=6)
    assert KEYED in told.err
    assert "override-unsigned" in told.out
    assert not (site.root / "sources/tool").exists()
    assert "unapproved" in site("status").out
    site("pin", "tool")
    site("sync")
    assert site.checked("overrides") == []


def test_a_renewal_with_a_signature_mends_it(site: Site, tmp_path: Path) -> None:
    key = with_key(site, tmp_path)
    (record,) = site.overrides()
    words = ("--reason", "hotfix", "--expires", "20d")
    line = site("override", "request", record["id"], *words).out
    expires = re.search(r'"expires_at":"([^"]+)"', line)
    assert expires
    words = (*words[:-1], expires[1])
    renew = ("override", "renew", record["id"], "--approver", BEA, *words)
    site(*renew, check=6, who="Dan <dan@example.org>")
    (site.root / "below").mkdir()
    shutil.move(signature(site, key, record["id"], *words), site.root / "below/my.sig")
    site("-C", "below", *renew, "--signature", "my.sig", who="Dan <dan@example.org>")
    assert site.checked("overrides") == []
    site("sync")


def test_what_renews_one_that_ended_takes_a_signature_wherever_it_is_told(site: Site, tmp_path: Path) -> None:
    with_key(site, tmp_path)
    (record,) = site.overrides()
    renew = f"git hybrid override renew {record['id']} --expires WHEN --approver WHO --reason TEXT --signature FILE"
    for command, code in ((("sync",), 6), (("status",), 0), (("check", "overrides"), 1)):
        told = site(*command, check=code, shift="+21d")
        assert renew in told.out + told.err


def test_what_forces_a_pin_takes_a_signature_wherever_it_is_told(site: Site, tmp_path: Path) -> None:
    words = "--force --request ID --approver WHO --reason TEXT --expires WHEN"
    lost = re.sub(r'override = "[^"]+"\n', "", site.read(LOCK))
    site("pin", "tool")

    def told(*command: str, check: int) -> list[str]:
        done = site(*command, check=check)
        return re.findall(f"{words}.*", done.out.replace('"', "") + done.err)

    for keyed in (False, True):
        if keyed:
            with_key(site, tmp_path)
        pinned, hint = site.keep(LOCK), words + " --signature FILE" * keyed
        # A step back, and one off the branch; the documents say what the lines do.
        for to in (site.tool.rev("main~1"), site.commits.hotfix):
            assert told("pin", "tool", "--to", to, check=6) == [hint]
            assert told("pin", "tool", "--to", to, "--json", check=6) == [hint]
        # A pin whose approval nobody knows.
        site.write(LOCK, lost)
        assert told("sync", check=5) == [hint]
        assert hint in told("check", "overrides", check=1)
        site.put_back(pinned)


def test_an_approval_that_was_lost_is_captured_and_signed_again(site: Site, tmp_path: Path) -> None:
    """What is signed then is to stay at the commit; the record says where it had come from."""
    key = with_key(site, tmp_path)
    at = "2099-01-01"
    site.replace("sources.toml", "[policy]", '[policy]\noverride_max_age = "30000d"')
    armour = signature(site, key, "tool", "--to", site.commits.hotfix, *REQUEST, "--expires", at)
    site.force(site.commits.hotfix, expires=at, signature=str(armour))
    assert site.overrides()[1]["from_commit"] == site.overrides()[0]["from_commit"] != site.commits.hotfix
    assert site.checked("overrides") == []
    site("sync")


def spent(site: Site, tmp_path: Path, *, at: str) -> tuple[Path, Path]:
    """Return the key of the approver, and a signature by which the tool was forced until *at*, which was revoked."""
    key = with_key(site, tmp_path)
    site.replace("sources.toml", "[policy]", '[policy]\noverride_max_age = "30000d"')
    site("pin", "tool")
    armour = signature(site, key, "tool", "--to", site.commits.hotfix, *REQUEST, "--expires", at)
    site.force(site.commits.hotfix, expires=at, signature=str(armour))
    site("override", "revoke", site.overrides()[-1]["id"], "--reason", "taken back")
    site("pin", "tool")
    return key, armour


@pytest.mark.parametrize("form", ["as it was", "a blank line more", "wrapped otherwise", "signed once more"])
def test_what_was_signed_for_an_override_that_was_closed_opens_no_other(site: Site, tmp_path: Path, form: str) -> None:
    at = "2099-01-01"
    key, armour = spent(site, tmp_path, at=at)
    if form == "a blank line more":
        armour.write_text(f"{armour.read_text()}\n")
    elif form == "wrapped otherwise":
        head, *body, tail = armour.read_text().splitlines()
        text = "".join(body)
        armour.write_text("\n".join([head, *(text[at : at + 50] for at in range(0, len(text), 50)), tail, ""]))
    elif form == "signed once more":
        armour = signed(key, armour.with_suffix("").read_text())
    kept = site.keep()
    told = site.force(site.commits.hotfix, expires=at, signature=str(armour), check=6).err
    assert "was used already" in told
    assert "another request id" in told
    assert "print what an approver signs" not in told
    assert site.keep() == kept
    again = ("--request", "CHG-2", "--reason", "hotfix")
    armour = signature(site, key, "tool", "--to", site.commits.hotfix, *again, "--expires", at)
    site.force(site.commits.hotfix, expires=at, request="CHG-2", signature=str(armour))
    site("sync")
    assert site.checked("overrides") == []


@pytest.mark.parametrize("form", ["deleted", "ended again without it"])
def test_what_the_log_tells_as_signed_is_spent_whatever_the_file_says(site: Site, tmp_path: Path, form: str) -> None:
    """Whoever writes all files anew, but has no key, may only append to the log."""
    (first,), lock = site.overrides(), site.read(LOCK)
    spent(site, tmp_path, at="2099-01-01")
    *kept, ended = site.overrides()
    log = site.log()
    opened = next(item for item in log if item["event"] == "override" and item["detail"]["override"] == ended["id"])

    def told(record: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
        """Return *entry* as the record says that is appended: *record* once more, of that."""
        plain = {key: value for key, value in entry.items() if key != "audit_hash"}
        what = {"override": entry["id"], "override_sha256": hashlib.sha256(canonical_json(plain)).hexdigest()}
        detail = {**record["detail"], **what, "approvers": entry["approvers"]}
        line = signed_line({**record, "seq": log[-1]["seq"] + 1, "prev": [log[-1]["hash"]], "detail": detail})
        log.append(json.loads(line))
        site.put_lines([*site.lines(), line])
        return {**plain, "audit_hash": log[-1]["hash"]}

    if form != "deleted":
        bare = [{key: value for key, value in item.items() if key != "signature"} for item in ended["approvers"]]
        kept.append(
            told(next(item for item in log if item["event"] == "override-revoked"), {**ended, "approvers": bare})
        )
    again = {key: value for key, value in ended.items() if key not in ("closed_at", "closed_by")}
    kept.append(told(opened, {**again, "id": f"{ended['id'][:-1]}{'01'[ended['id'][-1] == '0']}", "status": "active"}))
    site.write(OVERRIDES, json.dumps({"overrides": kept, "schema_version": 1}, indent=2, sort_keys=True) + "\n")
    site.write(LOCK, lock.replace(first["id"], kept[-1]["id"]))
    assert "was used already" in site("sync", check=6).err
    assert "was used already" in site.checked("overrides")[0].what
    accused = {"deleted": "override-deleted"}.get(form, "foreign-closing")
    assert accused in {item.id for item in site.verified()}


def test_what_was_signed_before_a_renewal_is_spent_with_it(site: Site, tmp_path: Path) -> None:
    key = with_key(site, tmp_path)
    site.replace("sources.toml", "[policy]", '[policy]\noverride_max_age = "30000d"')
    site("pin", "tool")
    asked = ("tool", "--to", site.commits.hotfix, *REQUEST, "--expires", "2099-01-01")
    first = signature(site, key, *asked).rename(tmp_path / "first.sig")
    site.force(site.commits.hotfix, expires="2099-01-01", signature=str(first))
    identity, words = site.overrides()[-1]["id"], ("--reason", "longer", "--expires", "2100-01-01")
    renew = ("override", "renew", identity, "--approver", BEA, *words, "--signature")
    armour = signature(site, key, identity, *words)
    dan = "Dan <dan@example.org>"
    site(*renew, armour, who=dan)
    assert "was used already" in site(*renew, armour, who=dan, check=6).err
    site("override", "revoke", identity, "--reason", "taken back")
    site("pin", "tool")
    first.write_text(f"{first.read_text()}\n")
    assert (
        "was used already" in site.force(site.commits.hotfix, expires="2099-01-01", signature=str(first), check=6).err
    )


def test_where_nothing_can_check_a_signature_that_is_the_reason(site: Site, tmp_path: Path) -> None:
    key = with_key(site, tmp_path)
    site.replace("sources.toml", "[policy]", '[policy]\noverride_max_age = "30000d"')
    armour = signature(site, key, "tool", "--to", site.commits.hotfix, *REQUEST, "--expires", "2099-01-01")
    site.force(site.commits.hotfix, expires="2099-01-01", signature=str(armour))
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "git").symlink_to(str(shutil.which("git")))
    env = {"GIT_HYBRID_OPERATOR": ADA, "PATH": str(folder)}
    why = "cannot be checked: ssh-keygen is not installed"
    assert why in run_hybrid("check", "overrides", cwd=site.root, check=1, env=env).out
    assert why in run_hybrid("sync", cwd=site.root, check=6, env=env).err
    assert why in run_hybrid("status", cwd=site.root, env=env).out
    site("check", "overrides")


def test_without_a_key_in_policy_nothing_is_asked(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "git").symlink_to(str(shutil.which("git")))
    forge(site, "trust me")
    env = {"GIT_HYBRID_OPERATOR": ADA, "PATH": str(folder)}
    run_hybrid("check", "overrides", cwd=site.root, env=env)
    run_hybrid("sync", cwd=site.root, env=env)
    assert LOG in git("status", "--short", cwd=site.root)
