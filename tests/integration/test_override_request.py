"""What an approver signs is printed for every kind of override, with the command that the signature is for."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from support.governed import BEA, LOCK, OVERRIDES, STATE, Site, forced_site, plain_site
from support.scanners import a_scanner, use
from support.signing import signed, with_key

ROOT = Path(__file__).parents[2]
WHY = ("--request", "CHG-1", "--reason", "it is not ours")
TWO = 'write(result("README", rule="R1"), result("a", rule="R2"))\nsys.exit(1)\n'


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plain_site(tmp_path, tmp_path_factory)


@pytest.fixture
def forced(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return forced_site(tmp_path, tmp_path_factory)


def words_after(start: str, told: str) -> list[str]:
    """Return the words of the command of ours that a hint names after *start*."""
    (line,) = re.findall(rf"^hint: {re.escape(start)}git hybrid (.+)$", told, re.MULTILINE)
    return shlex.split(line)


def used(site: Site, signature: Path, told: str, *, check: int = 0) -> str:
    """Run the command that a request has hinted at, with the signature that was made of it."""
    words = words_after("then: ", told)
    words[words.index("WHO")], words[words.index("FILE.sig")] = BEA, str(signature)
    return site(*words, check=check).err


def blocked(site: Site, tmp_path: Path) -> None:
    use(site.root, a_scanner(tmp_path / "fake", TWO))
    site("scan", check=1)
    site("sync", check=6)


def test_findings_are_accepted_by_the_request_that_the_refusal_prints(site: Site, tmp_path: Path) -> None:
    key = with_key(site, tmp_path)
    blocked(site, tmp_path)
    accept = ("pin", "tool", "--kind", "scan", "--force", "--approver", BEA, *WHY, "--expires", "10d")
    refused = site(*accept, check=6).err
    assert "is not signed with the key" in refused
    printed = site(*words_after("print what an approver signs: ", refused))
    asked = json.loads(printed.out)
    assert (asked["kind"], len(asked["findings"])) == ("scan", 2)
    used(site, signed(key, printed.out), printed.err)
    site("sync")
    assert site.checked("overrides") == []


def test_the_findings_may_be_named_in_any_order(site: Site, tmp_path: Path) -> None:
    key = with_key(site, tmp_path)
    blocked(site, tmp_path)
    site.replace("sources.toml", "[policy]", '[policy]\noverride_max_age = "30000d"')
    every = site("override", "request", "tool", "--kind", "scan", *WHY, "--expires", "2099-01-01").out
    first, second = json.loads(every)["findings"]
    told = [
        site("override", "request", "tool", "--finding", one, "--finding", other, *WHY, "--expires", "2099-01-01").out
        for one, other in ((first, second), (second, first))
    ]
    assert told == [every, every]
    options = ("--force", "--approver", BEA, *WHY, "--expires", "2099-01-01", "--signature", signed(key, every))
    site("pin", "tool", "--finding", second, "--finding", first, *options)


def test_what_can_not_be_accepted_can_not_be_asked_for(site: Site, tmp_path: Path) -> None:
    ask = ("override", "request", "tool", *WHY, "--expires", "10d")
    assert "was not scanned" in site(*ask, "--kind", "scan", check=6).err
    blocked(site, tmp_path)
    assert "no such finding" in site(*ask, "--finding", "nothing", check=2).err
    for command in (ask, ("pin", "tool", "--force", "--approver", BEA, *WHY, "--expires", "10d")):
        assert "--waive" in site(*command, "--kind", "scan", "--waive", "0" * 40, check=2).err
    site("remove", "tool")
    assert "no such source: tool" in site(*ask, "--kind", "scan", check=2).err


def test_objects_that_may_pass_are_part_of_what_is_signed(site: Site, tmp_path: Path) -> None:
    key = with_key(site, tmp_path)
    oids = [letter * 40 for letter in "ba"]
    ask = ("override", "request", "tool", "--to", site.commits.hotfix, *WHY, "--expires", "10d")
    printed = site(*ask, "--waive", oids[0], "--waive", oids[1])
    assert json.loads(printed.out)["waived"] == sorted(oids)
    used(site, signed(key, printed.out), printed.err)
    site("sync")
    assert site.checked("overrides") == []


def test_a_signature_for_another_moment_says_so(site: Site, tmp_path: Path) -> None:
    """A time from now on is another one for each command; the hint has the one that is signed."""
    key = with_key(site, tmp_path)
    printed = site("override", "request", "tool", "--to", site.commits.hotfix, *WHY, "--expires", "10d")
    signature = signed(key, printed.out)
    again = ("--to", site.commits.hotfix, "--force", "--approver", BEA, *WHY, "--expires", "9d")
    refused = site("pin", "tool", *again, "--signature", signature, check=6).err
    until = json.loads(printed.out)["expires_at"]
    assert f'what bea@example.org signed says expires_at "{until}", and here it is' in refused
    assert refused.count("signed says") == 1
    signature.with_suffix("").unlink()
    assert "signed says" not in site("pin", "tool", *again, "--signature", signature, check=6).err
    used(site, signature, printed.err)


def test_a_short_id_is_nothing_to_sign(site: Site) -> None:
    short = site.commits.first[:10]
    # The folder is as good as the name, and what is neither is told as everywhere.
    ask = ("--to", short, *WHY, "--expires", "10d")
    refused = site("override", "request", "sources/tool/", *ask, check=2).err
    assert "full id" in refused
    assert "cause: did you mean tool?" in site("override", "request", "tol", *ask, check=2).err
    assert "no override has this id" in site("override", "request", "ovr-x", *ask, check=2).err
    assert site.commits.first in site(*words_after("", refused), check=6).err


def test_a_renewal_is_of_what_was_approved(forced: Site, tmp_path: Path) -> None:
    key = with_key(forced, tmp_path)
    (record,) = forced.overrides()
    ask = ("override", "request", record["id"], "--reason", "longer", "--expires", "12d")
    for more in (("--to", forced.commits.third), ("--kind", "scan"), ("--finding", "R1"), ("--waive", "0" * 40)):
        assert f"error: {more[0]}" in forced(*ask, *more, check=2).err
    renew = ("override", "renew", record["id"], "--approver", BEA, "--reason", "longer", "--expires", "12d")
    refused = forced(*renew, check=6, who="Dan <dan@example.org>").err
    printed = forced(*words_after("print what an approver signs: ", refused))
    signature = signed(key, printed.out)
    words = words_after("then: ", printed.err)
    words[words.index("WHO")], words[words.index("FILE.sig")] = BEA, str(signature)
    forced(*words, who="Dan <dan@example.org>")
    assert forced.checked("overrides") == []


def test_what_no_approval_allows_is_not_asked_for(forced: Site, tmp_path: Path) -> None:
    with_key(forced, tmp_path)
    forced.replace("sources.toml", "[policy]", '[policy]\noverride_max_age = "20d"')
    (record,) = forced.overrides()
    pin = ("tool", "--to", forced.commits.third, "--reason", "x", "--request")
    refused = forced("override", "request", *pin, "NOPE", "--expires", "60d", check=6)
    assert refused.out == ""
    assert "does not match" in refused.err
    assert "[policy] override_max_age ends at" in refused.err
    forced_pin = forced("pin", *pin, "NOPE", "--force", "--approver", BEA, "--expires", "60d", check=6).err
    assert "is not signed with the key" in forced_pin
    assert "override request" not in forced_pin
    assert "which is past" in forced("override", "request", *pin, "CHG-1", "--expires", "2020-01-01", check=6).err
    assert (
        "which is past"
        in forced("override", "request", record["id"], "--reason", "x", "--expires", "2020-01-01", check=6).err
    )
    assert "no override has this id" in forced("override", "request", "ovr-x", "--reason", "x", check=2).err
    forced("override", "revoke", record["id"], "--reason", "over")
    told = forced("override", "request", record["id"], "--reason", "x", "--expires", "6d", check=2).err
    assert "was revoked already, and stays so" in told


def test_a_forced_pin_accepts_the_findings_that_were_signed_and_no_others(site: Site, tmp_path: Path) -> None:
    key = with_key(site, tmp_path)
    use(site.root, a_scanner(tmp_path / "fake", TWO))
    why, to = (*WHY, "--expires", "2099-01-01"), site.commits.hotfix
    site.replace("sources.toml", "[policy]", '[policy]\noverride_max_age = "30000d"')
    ask, force = ("override", "request", "tool", "--to", to, *why), ("--to", to, "--force", "--approver", BEA, *why)
    blind = site(*ask).out
    assert json.loads(blind)["findings"] == []
    kept = site.keep(LOCK, STATE)
    force = (*force, "--signature", signed(key, blind))
    refused = site("pin", "tool", "--scan", *force, check=6).err
    assert refused.count("and the approval does not name it") == 2
    assert site.keep(LOCK, STATE) == kept
    assert not (site.root / OVERRIDES).exists()
    # What was found is known from then on: without another scan as well, and to who asks for an approval.
    assert "does not name it" in site("pin", "tool", *force, check=6).err
    printed = site(*words_after("print what an approver signs: ", refused))
    known = site(*ask)
    assert known == printed
    asked = json.loads(printed.out)
    assert (asked["kind"], len(asked["findings"])) == ("pin", 2)
    signature = signed(key, printed.out)
    one = ("--kind", "pin", "--finding", asked["findings"][0])
    assert "is not signed" in site("pin", "tool", *one, *force[:-1], signature, check=6).err
    used(site, signature, printed.err)
    assert site.overrides()[-1]["findings"] == asked["findings"]
    site("sync")
    assert site.checked("overrides") == []


def test_findings_that_nobody_found_are_not_accepted_by_a_forced_pin(site: Site, tmp_path: Path) -> None:
    options = ("--to", site.commits.hotfix, "--force", "--approver", BEA, *WHY, "--expires", "10d")
    refused = site("pin", "tool", "--kind", "pin", "--finding", "f1", *options, check=6).err
    assert "the approval names f1" in refused


def test_the_page_shows_how_findings_are_accepted_with_a_signature(site: Site, tmp_path: Path) -> None:
    page = (ROOT / "man/git-hybrid-override.1").read_text().replace("\\-", "-")
    ask, use_it = re.findall(r"^\$ git hybrid (.* hammer --kind scan .*)$", page, re.MULTILINE)
    with_key(site, tmp_path)
    blocked(site, tmp_path)
    printed = site(*shlex.split(ask.replace("hammer", "tool").partition(" >")[0]))
    hinted = words_after("then: ", printed.err)
    shown = shlex.split(use_it.replace("hammer", "tool"))
    options = [{word for word in words if word.startswith("--")} for words in (hinted, shown)]
    assert options[0] == options[1]
