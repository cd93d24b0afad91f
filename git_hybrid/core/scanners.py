"""Scanners as they are run: what the manifest says, filled in from the presets. Pure.

A preset never lets the scanned tree decide how it is scanned: ignore files, allow comments and configuration in the
tree are switched off, since a stranger wrote them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from itertools import pairwise
from posixpath import normpath

from git_hybrid.core.canonical import Json, canonical_json
from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.manifest import Scanner, Source
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct, field

PATH, REPORT, ROOT, ARGS = "{path}", "{report}", "{root}", "{args}"
_NOTHING, _WRITTEN = "/dev/null", ("state", "sources")
# A path below the root begins anywhere, another one with its word, after the = of an option, or after a comma.
_START = pattern(r"(?:^(?:-[^=]*=)?|,)(?=/(?!/))|(?=\{root\}(?:/|$))")
_END = pattern(r"(?<![=,:;\s'\"])(?=[=,:;\s'\"]|$)")
FORMATS = ("sarif", "betterleaks-json")
_EXTRA = "git-hybrid[scan], from where git-hybrid came"
_LEAKS = 10
"""The exit status that secret scanners are told to use for leaks: their usual 1 also stands for a crash."""


class Preset(Struct, frozen=True, kw_only=True):
    """How one known tool is run.

    ``command`` holds ``{path}``, ``{report}`` (without it the report is what it prints) and ``{args}``, where the
    manifest's own arguments go; ``replaced`` has the words that are left out where these begin with one of those beside
    them; ``audits`` are the patterns of the only files that it looks at (empty: all); ``idle`` is the status with which
    it ends, and what it says, where the tree has nothing for it;
    ``settings`` are environment variables that it always gets, ``env`` those that it gets from the caller; ``oldest``
    is the first version that has its options; ``database`` finds in what ``version`` prints how old its databases are.
    """

    command: tuple[str, ...]
    version: tuple[str, ...]
    format: str = "sarif"
    ok_codes: tuple[int, ...] = (0,)
    finding_codes: tuple[int, ...] = (1,)
    replaced: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    audits: tuple[str, ...] = ()
    idle: tuple[int, str] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    env: tuple[str, ...] = ()
    oldest: tuple[int, ...] = ()
    database: str = ""
    install: str = ""


PRESETS: Mapping[str, Preset] = {
    "betterleaks": Preset(
        command=(
            *("betterleaks", "fs", PATH, "--no-banner", "--silent", "--no-color", "--redact", f"--exit-code={_LEAKS}"),
            *("--no-allow-signatures", "--ignore-file=/dev/null", ARGS, "--output", REPORT),
        ),
        version=("betterleaks", "--version"),
        format="betterleaks-json",
        finding_codes=(_LEAKS,),
        install=_EXTRA,
    ),
    "zizmor": Preset(
        command=(
            *("zizmor", "--offline", "--no-progress", "--color=never", "--quiet", "--format=sarif", "--collect=all"),
            # Else an option of ARGS that takes several values would take the path, too.
            *("--strict-collection", "--no-config", "--no-ignores", ARGS, "--", PATH),
        ),
        version=("zizmor", "--version"),
        # It returns 0 in SARIF mode whatever it finds.
        finding_codes=(),
        replaced={"--collect=all": ("--collect",), "--no-config": ("--config", "-c")},
        # Which names of files it collects in which folders, it alone knows.
        idle=(3, "no inputs collected"),
        # Older ones end with 1 then, as with any failure.
        oldest=(1, 21),
        install=_EXTRA,
    ),
    "bandit": Preset(
        # By default it leaves out folders of names such as CVS and .tox.
        command=(
            *("bandit", "-q", "-r", "--ini", "/dev/null", "--ignore-nosec", "--exclude="),
            *("-f", "sarif", "-o", REPORT, ARGS, PATH),
        ),
        version=("bandit", "--version"),
        audits=("*.py", "*.pyw"),
        install='pip install "bandit[sarif]"',
    ),
    "semgrep": Preset(
        command=(
            *("semgrep", "scan", "--metrics=off", "--disable-version-check", "--disable-nosem", "--no-git-ignore"),
            # By default it leaves out tests, large files, and those that take it long.
            *("--x-ignore-semgrepignore-files", "--max-target-bytes=0", "--timeout=0"),
            # The path of the rules, which is another in each clone, would be part of their names.
            *("--no-rewrite-rule-ids", "--sarif", "--output", REPORT, ARGS, PATH),
        ),
        # Else it asks a server which version is the newest, and waits for it.
        version=("semgrep", "--version", "--disable-version-check"),
        finding_codes=(),
        # Older ones read ignore files in another way.
        oldest=(1, 117),
        install='pip install semgrep, and name the rules: args = ["--config", "{root}/rules.yml"]',
    ),
    "gitleaks": Preset(
        command=(
            *("gitleaks", "dir", PATH, "--no-banner", "--no-color", "--redact", f"--exit-code={_LEAKS}"),
            *("--ignore-gitleaks-allow", "--gitleaks-ignore-path", "/dev/null", ARGS),
            *("--report-format", "sarif", "--report-path", REPORT),
        ),
        version=("gitleaks", "version"),
        finding_codes=(_LEAKS,),
        settings={"GITLEAKS_CONFIG_TOML": "[extend]\nuseDefault = true\n"},
        # betterleaks brings a program of this name, too, which has others.
        oldest=(8, 19),
        install="install gitleaks 8.19 or newer and put it on PATH",
    ),
    "trivy": Preset(
        command=(
            *("trivy", "filesystem", "--scanners", "vuln,secret,misconfig", "--offline-scan", "--skip-db-update"),
            *("--skip-check-update", "--no-progress", "--quiet", f"--exit-code={_LEAKS}", ARGS),
            *("--format", "sarif", "--output", REPORT, PATH),
        ),
        version=("trivy", "--version"),
        finding_codes=(_LEAKS,),
        env=("TRIVY_CACHE_DIR",),
        # Dates to the second, and the beginning of the digest of its checks.
        database=r"(?:UpdatedAt|Digest): *(\S[^\n]{0,18})",
        install="install trivy, fill its database, and name it in TRIVY_CACHE_DIR",
    ),
    "osv-scanner": Preset(
        command=(
            *("osv-scanner", "scan", "source", "--recursive", "--no-ignore", "--offline", "--allow-no-lockfiles"),
            *("--config=/dev/null", ARGS, "--format", "sarif", "--output", REPORT, PATH),
        ),
        version=("osv-scanner", "--version"),
        env=("OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY",),
        oldest=(2,),
        install="install osv-scanner 2 or newer, and name its database in OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY",
    ),
}


class ScannerSpec(Struct, frozen=True, kw_only=True):
    """One scanner of the manifest, complete: nothing is left to look up but the program itself."""

    name: str
    preset: str
    command: tuple[str, ...]
    version: tuple[str, ...]
    format: str
    ok_codes: frozenset[int]
    finding_codes: frozenset[int]
    timeout: timedelta
    env: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    audits: tuple[str, ...] = ()
    idle: tuple[int, str] | None = None
    oldest: tuple[int, ...] = ()
    database: str = ""
    install: str = ""


def spec_of(scanner: Scanner) -> ScannerSpec:
    """Return *scanner* with what its preset says where the manifest says nothing."""
    preset = PRESETS.get(scanner.preset) or Preset(command=(*scanner.command, ARGS), version=())
    return ScannerSpec(
        name=scanner.name,
        preset=scanner.preset,
        command=tuple(_words(preset, scanner.args)),
        version=preset.version,
        format=scanner.format or preset.format,
        ok_codes=frozenset(preset.ok_codes if scanner.ok_codes is None else scanner.ok_codes),
        finding_codes=frozenset(preset.finding_codes if scanner.finding_codes is None else scanner.finding_codes),
        timeout=scanner.timeout,
        env=tuple(sorted({*preset.env, *scanner.env})),
        settings=preset.settings,
        audits=preset.audits,
        idle=preset.idle,
        oldest=preset.oldest,
        database=preset.database,
        install=preset.install,
    )


def _words(preset: Preset, args: Sequence[str]) -> Iterator[str]:
    for part in preset.command:
        if part == ARGS:
            yield from args
        elif not any(word.startswith(preset.replaced.get(part, ())) for word in args):
            yield part


def besides(source: Source | None) -> tuple[str, ...]:
    """Return what is installed of *source*, and so scanned, besides the files of the commit."""
    if source is None:
        return ()
    return (*(("lfs",) if source.lfs == "fetch" else ()), *(("submodules",) if source.submodules else ()))


def spec_digest(spec: ScannerSpec, more: Sequence[str] = ()) -> str:
    """Return the digest of everything that the manifest and the preset say of *spec*; the timeout changes no result.

    *more* is what it is given to look at besides the files of a commit (:func:`besides`).
    """
    facts: dict[str, Json] = {
        "name": spec.name,
        "command": list(spec.command),
        "format": spec.format,
        "ok_codes": sorted(spec.ok_codes),
        "finding_codes": sorted(spec.finding_codes),
        "env": list(spec.env),
        "settings": dict(spec.settings),
        "audits": list(spec.audits),
    }
    facts |= {"besides": list(more)} if more else {}
    return "sha256:" + sha256_hex(canonical_json(facts))


def tool_version(version: str) -> str:
    """Return *version* of a scanner without the dates of its databases, which follow after commas."""
    return version.partition(", ")[0]


def rules_digest(spec: ScannerSpec, version: str, files: Iterable[str]) -> str:
    """Return the digest of all that decides what *spec* finds; *files* are the digests of the files that do."""
    facts: dict[str, Json] = {"config": spec_digest(spec), "version": tool_version(version), "files": list(files)}
    return "sha256:" + sha256_hex(canonical_json(facts))


def paths_in(spec: ScannerSpec, root: str) -> tuple[str, ...]:
    """Return the absolute paths that the arguments of *spec* name and no run of git hybrid writes to.

    Nobody knows where a path ends in a word that goes on after it: each possible end is one, and most are of no file.
    The workspace at *root* as a whole, what is above it, its state and its sources are other after each run.
    """
    found = (path.replace(ROOT, root) for word in spec.command[1:] for path in _paths(word))
    return tuple(path for path in found if not _is_written(path, root))


def _paths(word: str) -> Iterator[str]:
    """Yield what in *word* may be a path, such as of ``-conf={root}/a,{root}/b`` first one and then the other."""
    starts = [found.end() for found in _START.finditer(word)]
    for start, end in pairwise((*starts, len(word))):
        text = word[start:end]
        yield from (text[: found.start()] for found in _END.finditer(text))


def _is_written(path: str, root: str) -> bool:
    place = normpath(path.replace("//", "/")).rstrip("/")
    return f"{root}/sources/".startswith(f"{place}/") or f"{place}/".startswith(f"{root}/state/")


def own_files(spec: ScannerSpec, root: str) -> tuple[str, ...]:
    """Return the files and folders of the workspace at *root* that decide what *spec* finds, by path from there.

    They are its program, unless it is a preset, and what its arguments name. None are returned where something else
    than files of a repository decides too: a program or rules outside of the workspace, or what is written by runs.
    """
    program = spec.command[0].replace(ROOT, root)
    named = () if spec.preset else (program if program.startswith("/") else f"{root}/{program}",)
    if not spec.preset and "/" not in program:
        return ()
    paths = [_below(path, root) for path in (*named, *paths_in(spec, root)) if path != _NOTHING]
    is_own = all(path and path.partition("/")[0] not in _WRITTEN for path in paths)
    return tuple(paths) if is_own else ()


def _below(path: str, root: str) -> str:
    """Return *path* from *root*; empty where it is not below it."""
    parts = [part for part in path.removeprefix(f"{root}/").split("/") if part not in ("", ".")]
    return "/".join(parts) if path.startswith(f"{root}/") and ".." not in parts else ""


def has_work(spec: ScannerSpec, paths: Iterable[bytes]) -> bool:
    """Tell whether one of *paths* is a file that the scanner looks at.

    Letter case does not count, so that a tool which is lenient there is asked rather than left out.
    """
    if not spec.audits:
        return True
    patterns = [pattern.casefold() for pattern in spec.audits]
    texts = (path.decode("utf-8", "surrogateescape").casefold() for path in paths)
    return any(fnmatchcase(text, pattern) for text in texts for pattern in patterns)
