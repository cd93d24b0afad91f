"""Look at the machine for ``diag``: tools, settings, proxies, credential helpers, disk, who runs it."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from git_hybrid import __version__
from git_hybrid.cli.settings import TWINS, read_settings, require_advice, require_color
from git_hybrid.core.diagnosis import Finding, Level, disk_finding, git_finding, libgit2_finding
from git_hybrid.core.errors import BadArgument, HybridError, ToolTooOld
from git_hybrid.core.redact import redact, redact_key, redact_place, redact_setting
from git_hybrid.core.values import is_false
from git_hybrid.core.words import typed
from git_hybrid.git import libgit2
from git_hybrid.git.environment import MINIMUM_GIT, is_verify
from git_hybrid.git.run import Runner
from git_hybrid.git.settings import git_text, operator, read_config
from git_hybrid.git.store import OF_WORKSPACE, OTHERS, why_unsafe
from git_hybrid.git.surroundings import Setting, all_settings
from git_hybrid.scan.scratch import scan_folder
from git_hybrid.store.layout import Layout

_ROOM, _HARDLY = 1 << 27, 1 << 20
"""Bytes free for temporary files: fewer may be too few for a scan, or are none to speak of."""
_MORE_ROOM = "free some space, or name a folder that has some"
_OF_FOREACH = ("NAME", "PATH", "URL", "COMMIT", "REF")
_VARIABLES = tuple(f"GIT_HYBRID_{variable}" for variable in (*(twin[0] for twin in TWINS), *_OF_FOREACH))
_SETTINGS = tuple(f"hybrid.{key}" for _, key, _ in TWINS)
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_TOLD_SECTIONS = ("hybrid", "http", "https", "credential", "url", "protocol", "pager", "safe", "transfer", "fetch")
_TOLD_KEYS = ("core.pager", "core.sshcommand", "core.askpass", "core.autocrlf", "core.fsmonitor", "core.hookspath")


def versions(runner: Runner, folder: Path) -> Mapping[str, str]:
    """Return what is installed, by name; *folder* is where the work is done."""
    try:
        git, _ = git_text(runner, folder)
    except HybridError:
        git = "not installed"
    return {
        "git": git.removeprefix("git version "),
        "git-hybrid": __version__,
        "libgit2": libgit2.version(),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def machine_findings(runner: Runner, folder: Path) -> list[Finding]:
    """Return how the machine stands; *folder* is where the work is done."""
    found = [libgit2_finding(libgit2.version(), minimum=".".join(map(str, libgit2.MINIMUM)))]
    found.append(_environment("python", f"Python {platform.python_version()} on {platform.system()}"))
    found.append(_environment("proxy", _proxies(runner.environ)))
    try:
        found.append(disk_finding(shutil.disk_usage(folder).free))
    except OSError as error:
        found.append(_environment("disk", f"free space cannot be asked for: {error.strerror or error}"))
    return [*found, _temporary(), *_git(runner, folder)]


def lfs_finding(runner: Runner, folder: Path) -> Finding:
    """Return how git-lfs stands, without which no content of Git LFS is fetched."""
    from git_hybrid.git.lfsterms import require_lfs

    try:
        return _environment("git-lfs", f"git-lfs {require_lfs(runner, folder)}")
    except ToolTooOld as error:
        # Where git itself is not there, nobody knows of git-lfs.
        needed = f"{error.tool} {error.needed} or newer"
        what = f'sources.toml has lfs = "fetch", for which {needed} is needed, found: {error.found}'
        return _environment("git-lfs", what, "fail", "install it, until this tells its version: git lfs version")


def _temporary() -> Finding:
    """Return whether there is room for temporary files where scans have most of them."""
    name, remedy = "temporary files", f"{_MORE_ROOM}: export TMPDIR=DIR"
    try:
        folder = scan_folder()
        free = shutil.disk_usage(folder).free
    except BadArgument as error:
        what = f"{error.value} {error.reason}"
        return Finding(area="environment", name=name, level="warn", what=what, remedy=error.hint)
    except OSError as error:
        what = error.strerror or str(error)
        return Finding(area="environment", name=name, level="fail", what=what, remedy=remedy)
    if free >= _ROOM:
        return _environment(name, f"scans have theirs in {folder}")
    what = f"less than 128 MiB are free in {folder}: a scan could have no room"
    level: Level = "warn" if free >= _HARDLY else "fail"
    return Finding(area="environment", name=name, level=level, what=what, remedy=remedy)


def _git(runner: Runner, folder: Path) -> list[Finding]:
    try:
        text, version = git_text(runner, folder)
        settings = all_settings(runner, folder)
    except HybridError:
        return [_environment("git", "git is not installed, or not on PATH", "fail", "install git")]
    if version < MINIMUM_GIT:
        what = f"{text} is older than {'.'.join(map(str, MINIMUM_GIT))}, the oldest that works"
        found = [_environment("git", what, "fail", "install a newer git")]
    else:
        found = [git_finding(text, version)]
    found.append(_operator(runner, settings))
    helpers = [item for item in settings if item.key.startswith("credential.") and item.key.endswith("helper")]
    told = ", ".join(dict.fromkeys(redact_setting(item.key, item.value) for item in helpers if item.value))
    found.append(_environment("credentials", f"credential helper: {told or 'none, so only what is public is read'}"))
    found += [_unverified(item) for item in settings if is_verify(item.key) and is_false(item.value)]
    proxies = [f"{redact_key(item.key)}={redact_setting(item.key, item.value)}" for item in settings if _is_proxy(item)]
    if proxies:
        found.append(_environment("proxy in git", ", ".join(proxies)))
    paged = _last(settings, "pager.hybrid")
    pager = runner.environ.get("GIT_PAGER") or _last(settings, "core.pager") or runner.environ.get("PAGER") or "less"
    what = (
        f"git pages with {redact(pager)} (pager.hybrid = {redact(paged)})"
        if paged
        else "no pager: pager.hybrid is not set"
    )
    found.append(_environment("pager", what))
    return found


def _unverified(item: Setting) -> Finding:
    key = redact_key(item.key)
    what = f"{key}={item.value or 'false'} is not obeyed: certificates are always verified"
    remedy = f"git config --unset-all {typed(key)}; an authority of your own is named by http.sslCAInfo"
    return _environment("certificates", what, "warn", remedy)


def settings_findings(runner: Runner, folder: Path) -> list[Finding]:
    """Return how the settings of this program stand.

    Raises:
        BadArgument: one is outside its grammar.
    """
    config = read_config(runner, folder)
    settings = read_settings(runner.environ, config, jobs=None, offline=False)
    require_color(config)
    require_advice(config)
    asked = ", ".join(redact_place(entry) for entry in settings.mirrors.entries)
    if settings.offline:
        what = f"nobody is asked: the network is off ({settings.offline})"
    elif asked in ("", "direct"):
        what = "sources are asked for at their own URLs" if asked else "nobody is asked: GIT_HYBRID_MIRRORS says off"
    else:
        what = f"asked in this order: {asked}"
    names = [*(name for name in runner.environ if name.startswith("GIT_HYBRID_")), *config]
    found = [_unknown(name) for name in names if _is_unknown(name)]
    found = found or [_environment("settings", "variables and settings of git hybrid can be read")]
    return [*found, Finding(area="mirrors", name="order", level="ok", what=what), _cache(settings.cache_folder, folder)]


def _is_unknown(name: str) -> bool:
    if name.startswith("GIT_HYBRID_"):
        return name not in _VARIABLES
    return name.startswith("hybrid.") and name not in map(str.lower, _SETTINGS)


def _unknown(name: str) -> Finding:
    """Return that nothing asks for *name*, a variable or a setting of git, and which may be meant."""
    from difflib import get_close_matches

    near = get_close_matches(name, (*_VARIABLES, *_SETTINGS), n=1, cutoff=0.8)
    meant = f"; did you mean {near[0]}?" if near else ""
    take_out = "unset" if name.startswith("GIT_HYBRID_") else "git config --show-origin --get-all"
    return _environment(
        "settings", f"{redact(name)} is no setting of git hybrid{meant}", "warn", f"{take_out} {typed(name)}"
    )


def _cache(folder: Path | None, root: Path) -> Finding:
    """Return whether the object cache can be used."""
    if folder is None:
        return _environment("cache", "the object cache is off")
    real = Path(os.path.realpath(folder))
    why = OF_WORKSPACE
    if not Layout(root).owns(real):
        try:
            why = why_unsafe(real)
        except FileNotFoundError:
            above = next(parent for parent in real.parents if parent.exists())
            if os.access(above, os.W_OK | os.X_OK):
                return _environment("cache", f"the object cache {folder} is not there yet")
            why = f"it cannot be made, nothing may be written into {above}"
        except OSError as error:
            why = error.strerror or str(error)
    if why:
        remedy = f"chmod go-w {typed(str(folder))}" if why == OTHERS else "export GIT_HYBRID_CACHE_DIR=DIR"
        return _environment("cache", f"the object cache {folder} is not used: {why}", "warn", remedy)
    with suppress(OSError):
        # What the disk of the workspace has left is told by itself.
        if os.stat(real).st_dev != os.stat(root).st_dev and shutil.disk_usage(real).free < _ROOM:
            what = f"less than 128 MiB are free in {folder}: the object cache could have no room"
            return _environment("cache", what, "warn", f"{_MORE_ROOM}: export GIT_HYBRID_CACHE_DIR=DIR")
    return _environment("cache", f"objects are shared with other workspaces in {folder}")


def told_settings(runner: Runner, folder: Path, *, home: str) -> Mapping[str, str]:
    """Return the settings of git and the variables that matter to this program, without secrets, by name."""
    try:
        settings = all_settings(runner, folder)
    except HybridError:
        settings = ()
    told = {
        redact_key(item.key): redact_setting(item.key, item.value, home=home)
        for item in settings
        if item.key.partition(".")[0] in _TOLD_SECTIONS or item.key in _TOLD_KEYS
    }
    variables = {
        key: redact_setting(key.lower(), value, home=home)
        for key, value in runner.environ.items()
        if key.startswith("GIT_HYBRID_") or key.lower() in _PROXY_VARIABLES
    }
    return dict(sorted({**told, **variables}.items()))


def _environment(name: str, what: str, level: Level = "ok", remedy: str = "") -> Finding:
    return Finding(area="environment", name=name, level=level, what=what, remedy=remedy)


def _operator(runner: Runner, settings: Sequence[Setting]) -> Finding:
    try:
        who = operator(runner.environ, {item.key: item.value for item in settings})
    except BadArgument as error:
        what, remedy = f"{error.what} {error.reason}", f"set {error.what} to a name with an e-mail address"
        return _environment("operator", what, "fail", remedy)
    return _environment("operator", f"you are {who}")


def _proxies(environ: Mapping[str, str]) -> str:
    found = [
        f"{key}={redact_place(value)}" for key, value in sorted(environ.items()) if key.lower() in _PROXY_VARIABLES
    ]
    return ", ".join(found) or "no proxy in the environment"


def _is_proxy(item: Setting) -> bool:
    return item.key.endswith(".proxy") and bool(item.value)


def _last(settings: Sequence[Setting], key: str) -> str:
    return next((item.value for item in reversed(settings) if item.key == key), "")
