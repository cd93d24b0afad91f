"""Settings: option > environment > git config > manifest > default. Parsed once, with the place named in errors."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from git_hybrid.cli.jobs import MOST_JOBS, read_jobs
from git_hybrid.core.endpoints import Mirrors, parse_mirrors
from git_hybrid.core.errors import BadArgument
from git_hybrid.core.ids import InvalidText, shown_url
from git_hybrid.core.value import Struct
from git_hybrid.core.values import is_false, parse_duration

T = TypeVar("T")
_TRUE = ("1", "true", "yes", "on")
CACHE_MAX_AGE = "0s"
LOCK_TIMEOUT = "10s"
_TREES = 32
"""In MiB: what is read without the grammar of sizes, which most starts need not import."""
CACHE_TREES = f"{_TREES}M"
TWINS = (
    ("MIRRORS", "mirrors", "direct"),
    ("OFFLINE", "offline", "0"),
    ("BUNDLE_DIR", "bundleDir", ""),
    ("JOBS", "jobs", ""),
    ("LOCK_TIMEOUT", "lockTimeout", LOCK_TIMEOUT),
    ("OPERATOR", "operator", ""),
    ("CACHE_DIR", "cacheDir", ""),
    ("CACHE_MAX_AGE", "cacheMaxAge", CACHE_MAX_AGE),
    ("CACHE_TREES", "cacheTrees", CACHE_TREES),
)
"""Each variable (after ``GIT_HYBRID_``), its twin below ``hybrid.`` in git's configuration, and what holds without."""
_KEYS = {variable: key for variable, key, _ in TWINS}
_RIGHT = {
    "GIT_HYBRID_MIRRORS": "export GIT_HYBRID_MIRRORS=https://HOST/PATH",
    "GIT_HYBRID_OFFLINE": "export GIT_HYBRID_OFFLINE=1",
}
"""How those are written that keep others from being asked: without them upstream would be."""
_EMPTY_SAYS = "CACHE_DIR"
"""The one whose empty value is one: no cache."""


class Settings(Struct, frozen=True, kw_only=True):
    """What the environment and git's configuration say; None or empty where they say nothing."""

    mirrors: Mirrors
    offline: str
    jobs: int | None
    lock_timeout: timedelta
    bundle_folder: Path | None
    cache_folder: Path | None = None
    cache_max_age: timedelta = timedelta(0)
    cache_trees: int = _TREES << 20


def read_settings(
    environ: Mapping[str, str], config: Mapping[str, str], *, jobs: int | None, offline: bool
) -> Settings:
    """Return the settings.

    Raises:
        BadArgument: one is outside its grammar; the variable or key is named.
    """
    where, text = _given(environ, config, "OFFLINE")
    forbidden = "--offline" if offline else where if _parsed(_boolean, where, text or "0") else ""
    where, text = _given(environ, config, "MIRRORS")
    mirrors = _parsed(parse_mirrors, where, text or "")
    where, text = _given(environ, config, "JOBS")
    chosen = jobs if jobs is not None or not text else _parsed(_jobs, where, text)
    where, text = _given(environ, config, "LOCK_TIMEOUT")
    timeout = _parsed(_seconds_or_duration, where, text or LOCK_TIMEOUT)
    where, folder = _given(environ, config, "BUNDLE_DIR")
    folder = folder and _parsed(partial(_from_home, environ=environ), where, folder)
    if forbidden and folder and not Path(folder).is_dir():
        forbidden += f"; there is no folder {folder}, which {where} names"
    where, text = _given(environ, config, "CACHE_MAX_AGE")
    age = _parsed(parse_duration, where, text or CACHE_MAX_AGE)
    where, text = _given(environ, config, "CACHE_TREES")
    trees = _parsed(_size, where, text) if text else _TREES << 20
    return Settings(
        mirrors=mirrors,
        offline=forbidden,
        jobs=chosen,
        lock_timeout=timeout,
        bundle_folder=_without_dots(folder) if folder else None,
        cache_folder=cache_folder(environ, config),
        cache_max_age=age,
        cache_trees=trees,
    )


def cache_folder(environ: Mapping[str, str], config: Mapping[str, str]) -> Path | None:
    """Return the folder of the object cache; None where it is turned off, by an empty value, or there is no home.

    Raises:
        BadArgument: it begins with the home of another user.
    """
    where, text = _given(environ, config, "CACHE_DIR")
    if text is None:
        # A relative path here is to be ignored (XDG Base Directory Specification).
        base = environ.get("XDG_CACHE_HOME", "")
        text = f"{base}/git-hybrid" if base.startswith("/") else "~/.cache/git-hybrid"
    if not text:
        return None
    found = _parsed(partial(_absolute, environ=environ), where, text)
    return Path(found) if found else None


def require_color(config: Mapping[str, str]) -> None:
    """Raise unless git's configuration says, if anything, when to colour.

    Raises:
        BadArgument: it says something else; the key is named.
    """
    key = next((key for key in ("color.hybrid", "color.ui") if key in config), None)
    if key is not None:
        _parsed(_when, key, config[key])


def require_advice(config: Mapping[str, str]) -> None:
    """Raise unless git's configuration says of each kind of hint whether it is wanted.

    Raises:
        BadArgument: it says something else; the key is named.
    """
    for key, text in config.items():
        if key.startswith("advice.hybrid"):
            _parsed(_wanted, key, text)


def _absolute(text: str, environ: Mapping[str, str]) -> str:
    path = _from_home(text, environ)
    return path and os.path.abspath(path)


def _from_home(text: str, environ: Mapping[str, str]) -> str:
    """Return the path *text*, a ``~/`` before it as the home folder; nothing where there is none."""
    if not text.startswith("~"):
        return text
    if not text.startswith("~/"):
        raise InvalidText("must be a path, or begin with ~/")
    home = environ.get("HOME", "")
    return f"{home}{text[1:]}" if home.startswith("/") else ""


def _without_dots(folder: str) -> Path:
    """Return the absolute path of *folder*; no URL that is made of it may have ``..`` in it."""
    path = Path(folder).absolute()
    return Path(os.path.realpath(path)) if ".." in path.parts else path


def says(variable: str, text: str | None) -> bool:
    """Tell whether *text* sets *variable* (after ``GIT_HYBRID_``).

    An empty one is as if it were not there, and so is an operator without a letter or a digit.
    """
    if variable == "OPERATOR":
        return any(char.isalnum() for char in text or "")
    return bool(text) or (variable == _EMPTY_SAYS and text is not None)


def _given(environ: Mapping[str, str], config: Mapping[str, str], variable: str) -> tuple[str, str | None]:
    name = f"GIT_HYBRID_{variable}"
    text = environ.get(name)
    if says(variable, text):
        if text and text.isspace():
            # It would be false, or a path of a blank: nobody means that.
            raise BadArgument(what=name, value=text, reason="is blank: give it a value", hint=f"unset {name}")
        return name, text
    key = f"hybrid.{_KEYS[variable]}"
    # git takes keys in any case and tells them in lower case.
    return key, config.get(key.lower())


def _parsed(parse: Callable[[str], T], where: str, text: str) -> T:
    try:
        return parse(text)
    except InvalidText as error:
        hint = f"unset {where}" if where.startswith("GIT_") else f"git config --show-origin --get-all {where}"
        hint = _RIGHT.get(where, hint)
        raise BadArgument(what=where, value=shown_url(text), reason=str(error), hint=hint) from error


def _boolean(text: str) -> bool:
    if text.strip().lower() in _TRUE:
        return True
    if is_false(text):
        return False
    raise InvalidText("must be 1 or 0, or true, yes, on, false, no or off")


def _when(text: str) -> None:
    if text.lower() not in ("always", "auto", "never") and not _is_boolean(text):
        raise InvalidText("must be always, auto or never, or a boolean")


def _wanted(text: str) -> None:
    if not _is_boolean(text):
        raise InvalidText("must be a boolean")


def _is_boolean(text: str) -> bool:
    # To git any number is one.
    return text.lower() in _TRUE or is_false(text) or text.isdecimal()


def _jobs(text: str) -> int:
    jobs = read_jobs(text)
    if jobs is None:
        raise InvalidText(f"must be a whole number from 1 to {MOST_JOBS}")
    return jobs


def _size(text: str) -> int:
    from git_hybrid.core.cache_record import parse_size

    return parse_size(text)


def _seconds_or_duration(text: str) -> timedelta:
    if text.isascii() and text.isdigit() and len(text) < 9:
        return timedelta(seconds=int(text))
    return parse_duration(text)
