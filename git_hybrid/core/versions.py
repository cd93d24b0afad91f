"""Version ranges over tag names (PEP 440, by the library ``packaging``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from git_hybrid.core.ids import InvalidText
from git_hybrid.core.pattern import pattern

_ENDS_IN_VERSION = pattern(r"[^0-9.][0-9]+(\.[0-9]+)+$")
_NUMBER = pattern(r"[0-9]{1,18}")
_LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version


def check_range(spec: str) -> str:
    """Return *spec* if it is a version range.

    Raises:
        InvalidText: it is empty or not a PEP 440 range or version.
    """
    _range(spec)
    return spec


def parse_version(tag: str) -> Version | None:
    """Return the version that the tag name *tag* stands for, or None if it is no version."""
    # Imported here: packaging costs 15 ms and only sources that follow versions need it.
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415

    try:
        return Version(tag)
    except InvalidVersion:
        return None


def release_order(tag: str) -> tuple[Version, str] | None:
    """Return by what tags of releases are put in order, or None if *tag* is no version.

    A letter alone behind a version (``3.7a``) is a later release of it: PEP 440, which takes ``a``, ``b`` and ``c`` for
    what comes before one, has them numbered by all who follow it.
    """
    has_letter = tag[-1:] in _LETTERS and tag[-2:-1].isdigit()
    version = parse_version(tag[:-1] if has_letter else tag)
    return None if version is None else (version, tag[-1] if has_letter else "")


def in_range(spec: str, tag: str) -> bool:
    """Tell whether the tag name *tag* is a version inside *spec*; pre-releases only where *spec* names one."""
    return bool(matching(spec, [tag]))


def matching(spec: str, tags: Iterable[str]) -> list[str]:
    """Return those of *tags* that are versions inside *spec*, the newest first.

    Of two tags for one version (``1.0`` and ``v1.0``) the one later in the alphabet comes first, so that the answer
    does not depend on the order in which a server lists them.
    """
    allowed = _range(spec)
    prereleases = bool(allowed.prereleases)
    versions = ((parse_version(tag), tag) for tag in tags)
    known = [(version, tag) for version, tag in versions if version is not None]
    inside = [pair for pair in known if allowed.contains(pair[0], prereleases=prereleases)]
    return [tag for _, tag in sorted(inside, reverse=True)]


def newest(spec: str, tags: Iterable[str]) -> str | None:
    """Return the newest of *tags* inside *spec*, or None if there is none."""
    return next(iter(matching(spec, tags)), None)


def leaving_out(spec: str, tag: str) -> str | None:
    """Return the range *spec* without the version of the tag name *tag*; None where either is no such thing."""
    version = parse_version(tag)
    return None if version is None or parse_version(spec.strip()) is not None else f"{spec},!={version}"


def usual_release(tags: Sequence[str]) -> str | None:
    """Return the newest release as :func:`newest_release`; None where *tags* for the most part are called otherwise.

    Where releases are ``core@1.2.0`` or ``jq-1.8.2``, the few tags that are versions are of a time before.
    """
    versions = sum(release_order(tag) is not None for tag in tags)
    others = sum(release_order(tag) is None and _ENDS_IN_VERSION.search(tag) is not None for tag in tags)
    return None if others > versions else newest_release(tags)


def instead_of_versions(tags: Sequence[str]) -> tuple[str, ...]:
    """Return what is shown where no range is met: the newest release, or two of *tags* where none is a version."""
    if (release := newest_release(tags)) is not None:
        return (release,)
    numbers = [([int(number) for number in _NUMBER.findall(tag)], tag) for tag in tags]
    return () if any(map(parse_version, tags)) else tuple(tag for _, tag in sorted(numbers, reverse=True)[:2])


def newest_release(tags: Iterable[str]) -> str | None:
    """Return the newest of *tags* that is a final release, or one with a letter behind it; None if there is none."""
    orders = ((release_order(tag), tag) for tag in tags)
    final = [(order, tag) for order, tag in orders if order is not None and not order[0].is_prerelease]
    return max(final)[1] if final else None


def _range(spec: str) -> SpecifierSet:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415

    if not spec.strip():
        raise InvalidText("an empty version range")
    exact = parse_version(spec.strip())
    try:
        return SpecifierSet(f"=={exact}" if exact is not None else spec)
    except InvalidSpecifier as error:
        raise InvalidText("not a version range: write for instance >=1.2,<2 or ~=1.4 or 1.2.3") from error
