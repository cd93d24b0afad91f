"""Read the approvers of ``[policy]`` in the manifest."""

from __future__ import annotations

from collections.abc import Sequence

from git_hybrid.core.errors import Problem, until_many
from git_hybrid.core.ids import InvalidText
from git_hybrid.core.manifest import Approver, key_bytes
from git_hybrid.core.override import is_named, person
from git_hybrid.core.pattern import pattern
from git_hybrid.core.words import shorten
from git_hybrid.store.parsing import checked
from git_hybrid.store.wire import ApproverShape

_PUBLIC_KEY = pattern(r"(ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,3}( [ -~]*)?")


def decode_approvers(items: Sequence[str | ApproverShape], least: int, problems: list[Problem]) -> tuple[Approver, ...]:
    """Return the approvers, in the order of the file, after adding what is wrong with them to *problems*.

    *least* is how many of them an override needs.
    """
    found: list[Approver] = []
    if not items:
        what = "is empty, so that nobody could approve: name who may, or leave it out if anybody may who does not ask"
        problems.append(Problem("policy.approvers", what))
    elif (count := len(items)) < least:
        what = f"is more than the {count} of approvers, so that nothing could be approved: name more of them"
        problems.append(Problem("policy.override_min_approvers", what))
    people, keys = set[str](), dict[str, Approver]()
    for index, item in until_many(enumerate(items), problems):
        place = f"policy.approvers[{index}]"
        approver = Approver(id=item) if isinstance(item, str) else Approver(id=item.id, key=item.key)
        if approver.key:
            checked(_public_key, approver.key, f"{place}.key", problems)
        if not is_named(approver.id):
            problems.append(Problem(place, "names nobody: it has no letter and no digit, or an empty address"))
        if person(approver.id) in people:
            problems.append(Problem(place, f"{shorten(approver.id)!r} stands twice in the list"))
        people.add(person(approver.id))
        if (key := key_bytes(approver.key)) and (other := keys.setdefault(key, approver)) is not approver:
            what = f"is the key of {shorten(other.id)!r} too, so that one signature would count as two"
            problems.append(Problem(f"{place}.key", what))
        found.append(approver)
    return tuple(found)


def _public_key(text: str) -> str:
    if _PUBLIC_KEY.fullmatch(text) is None:
        raise InvalidText("not an SSH public key: write it as it stands in id_ed25519.pub")
    return text
