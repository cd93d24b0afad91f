"""Whether two texts name one person: those who ask for an override, and those who approve it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from git_hybrid.core.override import person, plain_name


def is_same(one: str, other: str) -> bool:
    """Tell whether both texts may name one person: by an e-mail address or a name that is in both."""
    return not _called(one).isdisjoint(_called(other))


def may_ask(one: str, other: str) -> bool:
    """Tell whether both texts may name one person, where who asks may not approve: a login may be of an address too."""
    return is_same(one, other) or _login(one, other) or _login(other, one)


def _login(bare: str, other: str) -> bool:
    who, address = person(bare), person(other)
    return "@" not in who and "@" in address and address.partition("@")[0] == who


def _called(text: str) -> set[str]:
    """Return the e-mail address and the name in *text*, of which letters and digits count."""
    who = person(text)
    name = plain_name(text).replace(who, " ") if "@" in who else who
    words = "".join(item if item.isalnum() else " " for item in name).split()
    return {who, " ".join(words)} - {""}


def distinct(names: Sequence[str], known: Collection[str] = ()) -> tuple[str, ...]:
    """Return *names* with each person once, as first written; *known* are the :func:`person` that policy names."""
    found: list[str] = []
    for name in names:
        if not any(_counts_as(name, other, known) for other in found):
            found.append(name.strip())
    return tuple(found)


def doubles(names: Sequence[str], known: Collection[str] = ()) -> tuple[str, ...]:
    """Return for each of *names* that counts as one before it, and is written otherwise, which two that are."""
    pairs = (
        (one.strip(), next(item for item in distinct(names, known) if _counts_as(one, item, known))) for one in names
    )
    told = (f"{one} counts as {other}, by a name or an address in both" for one, other in pairs if one != other)
    return tuple(dict.fromkeys(told))


def _counts_as(one: str, other: str, known: Collection[str]) -> bool:
    """Tell whether two approvers count once: two addresses that policy names are two people, of one name too."""
    who = person(one), person(other)
    if all("@" in item and item in known for item in who):
        return who[0] == who[1]
    return is_same(one, other)
