"""The one table from what went wrong to what a user is told: exit status, words, and the next commands to type."""

from __future__ import annotations

from collections.abc import Mapping

from git_hybrid.cli.remedy import Remedy
from git_hybrid.core.words import FOLLOWED_BY, as_typed, pinning_head

_RESET = "git hybrid reset {name}"
_LOOK = "git -C {path} status"
_TOO = as_typed()
# A tag and a commit leave no other commit to name.
_SCAN, _FOLLOW = as_typed("scan", "branch", "version"), as_typed("scan", *FOLLOWED_BY)
_BACK = ("git hybrid pin {name} -n" + _SCAN,)
_LEFT = "git hybrid status"
_TELL = "tell upstream, where this shows it: git fsck --strict"
_WAIVE = "git hybrid pin {name} --to REV{waive} {approval}" + _TOO


def _forced(commit: str) -> str:
    """Return the command that takes *commit* all the same, with an approval."""
    return f"git hybrid pin {{name}} --to {commit} {{approval}}{_TOO}"


REMEDIES: Mapping[str, Remedy] = {
    "invalid-file": Remedy(2, "{path}: {count} invalid", "{problems}", ("{mend}", "{otherwise}")),
    "newer-schema": Remedy(
        2,
        "{path} was written by a newer git hybrid: its version is {found}, this program knows {known}",
        "a newer git-hybrid, from where this one came, knows it",
        ("git hybrid --version",),
    ),
    "no-workspace": Remedy(
        2,
        "no sources.toml in {path} or any folder above it",
        "{below}",
        ("{hint}", "{begin}", "git hybrid demo"),
    ),
    "workspace-exists": Remedy(
        2,
        "{path} is a workspace already",
        "{lacks}",
        ("{mend}", "git hybrid status", "git hybrid add https://host/path/repository"),
    ),
    "workspace-taken-out": Remedy(
        2,
        "the workspace {path} has no {what} any more, and git has it",
        "with a new one in its place nothing that was pinned and approved would count",
        ("{mend}", "for a workspace that has nothing to do with it, another folder: git hybrid init FOLDER" + _TOO),
    ),
    "folder-taken": Remedy(
        2,
        "{path} has files of its own in {folder}, which a workspace keeps for itself; nothing was touched",
        "{files}\n{why}",
        ("to make another folder the workspace: git hybrid init FOLDER" + _TOO, "{mend}"),
    ),
    "not-checked-out": Remedy(
        2, "git has files of the workspace {path}, and this sparse checkout leaves them out", "{files}", ("{mend}",)
    ),
    "unknown-source": Remedy(2, "no such {what}: {names}", "{nearest}", ("{instead}", "{also}")),
    "duplicate-source": Remedy(
        2,
        "there is a source {taken_by} already",
        "{renaming}",
        ("git hybrid status {taken_by}",),
    ),
    "bad-argument": Remedy(2, "{what}: '{value}': {reason}", hints=("{hint}",)),
    "library-missing": Remedy(
        2,
        "{what} needs a library that is not installed: no module {module}",
        "install git-hybrid[{what}] from where git-hybrid came",
        ("{python} -m pip install {library}",),
    ),
    "missing-options": Remedy(2, "{command} needs {options}", hints=("git hybrid {command} -h",)),
    "hook-taken": Remedy(
        2,
        "{path} is a hook of yours, and was left as it is",
        "{instead}",
        ("{hint}",),
    ),
    "symlink-refused": Remedy(
        2,
        "{path} is a symbolic link",
        "a write through it could land somewhere else: a real file or folder belongs there",
        ("ls -l {path}",),
    ),
    "tool-too-old": Remedy(2, "{wanted} is needed, found: {found}", "install {wanted}", ("git-hybrid diag",)),
    "git-refused": Remedy(2, "git does not answer about {what} {path}", "{words}", ("{mend}",)),
    "foreign-workspace": Remedy(
        2,
        "{path} belongs to another user (uid {owner}), and no git repository is around it",
        "the scanners that its sources.toml names would run as you",
        ("if you trust who made it: {mend}",),
    ),
    "no-pin": Remedy(1, "{name} {why}", hints=("{mend}",)),
    "dirty": Remedy(
        3,
        "{path} has local changes in {files_counted}; {name} was left alone",
        "{files}\n{saving}",
        ("{way}" + _RESET, _LOOK),
    ),
    "diverged": Remedy(
        3,
        "{path} stands at {head}, which is neither pinned nor recorded; {name} was left alone",
        "expected {expected}\nreset saves HEAD below refs/hybrid/saved/, then goes to the pin",
        (
            _RESET,
            "git hybrid diff {name}",
            "git -C {path} log -3",
            pinning_head("{name}", "{head}"),
        ),
    ),
    "operation-in-progress": Remedy(
        3,
        "a {operation} is in progress in {path}; {name} was left alone",
        hints=(_RESET, _LOOK),
    ),
    "index-locked": Remedy(
        3,
        "another git process works in {path} (it holds .git/{lock}); {name} was left alone",
        "run the command again when that has ended",
        (_LOOK, "where no git is at work any more: rm {path}/.git/{lock}"),
    ),
    "foreign-folder": Remedy(
        3,
        "{path} is not a clone of {name}: {what}",
        "nothing in it was touched",
        ("move it away, then: git hybrid {command}" + _TOO, "git hybrid status {name}"),
    ),
    "nested-repository": Remedy(
        3,
        "{path} holds another git repository: {inner}; {name} was left alone",
        "what is in it cannot be saved with the rest",
        ("move it away, then: git hybrid reset {name}", _LOOK),
    ),
    "unsaved-work": Remedy(
        3,
        "{path} holds work that exists nowhere else, so {name} was not removed",
        "{refs}",
        # By what it is: git_hybrid.cli.remedies_unsaved.
        ("git -C {path} status",),
    ),
    "in-the-way": Remedy(
        3,
        "{path} has ignored or untracked files where the pinned commit has files; {name} was left alone",
        "{files}",
        (_RESET, _LOOK),
    ),
    "network": Remedy(
        4,
        "{name_or_url}: the network failed ({kind}) {tries}",
        "{message}",
        ("git ls-remote {url}",),
    ),
    "access-denied": Remedy(
        4,
        "{name_or_url}: access denied",
        "{message}\nlog in with a git credential helper or an ssh agent: gitcredentials(7)",
        ("git ls-remote {url}",),
    ),
    "repository-not-found": Remedy(
        4,
        "{name_or_url}: no repository at {url}",
        "{message}",
        ("check {whose_url}, and your access: git ls-remote {url}",),
    ),
    "repository-damaged": Remedy(
        4,
        "{name_or_url}: the repository at {url} is damaged: what is asked for cannot be read there",
        "{message}\nwhoever runs the server can mend it, by a backup or by a clone that has the object",
        ("what it lacks shows there: git fsck --full",),
    ),
    "lfs-missing": Remedy(
        4,
        "{name_or_url}: {url} lacks Git LFS content of the pinned commit",
        "{message}\nwhoever may push there has it, or an older clone: git lfs push --all\n"
        'with lfs = "pointer" in sources.toml its files stay pointers',
        ("when it is there: git hybrid sync {name}",),
    ),
    "redirect-loop": Remedy(
        4,
        "{name_or_url}: whoever asks at {url} is sent on and on",
        "{message}\na server that wants a login by a browser does that too",
        ("check {whose_url}, and your access: git ls-remote {url}",),
    ),
    "insecure-redirect": Remedy(
        4,
        "{name_or_url}: the server at {url} sends on to {target}, which is not asked",
        "only https is followed: what comes another way can be changed on the way",
        ("check {whose_url}; this tells where it leads: git ls-remote {url}",),
    ),
    "endless-answer": Remedy(
        4,
        "{name_or_url}: what {url} answers has no end",
        "{message}",
        ("check {whose_url}, and tell who runs the server: git hybrid status",),
    ),
    "tls": Remedy(
        4,
        "{name_or_url}: the certificate of the server was not accepted",
        "{message}\nan authority of your own is named by http.sslCAInfo or GIT_SSL_CAINFO, a certificate of your own by"
        " http.sslCert and http.sslKey",
        ("{naming}",),
    ),
    "host-key": Remedy(
        4,
        "{name_or_url}: the ssh host key is not known, or has changed",
        "{message}",
        # By host and port: git_hybrid.cli.remedies_ssh.
        ("once its fingerprint is the one that the host publishes: ssh-keyscan HOST >> ~/.ssh/known_hosts",),
    ),
    "offline": Remedy(
        4,
        "{name} has to be {wanted} {url}, and the network is forbidden ({why})",
        "{allowing}",
        ("git hybrid config --show-origin",),
    ),
    "not-carried": Remedy(
        4,
        "{name} needs {what}, which no bundle here has, and the network is forbidden",
        "its pin is recorded: its clone is made where a server, a mirror or a bundle has that",
        (
            "where that may be asked: git hybrid sync {name}",
            "or with the folder of a bundle that has it in GIT_HYBRID_BUNDLE_DIR: git hybrid sync {name} --offline",
        ),
    ),
    "unreachable": Remedy(
        5,
        "{name}: the commit {commit} is not in the history of {ref} upstream",
        "{why}",
        ("git hybrid diff {name} --upstream", *_BACK, "if it is approved: " + _forced("{commit}")),
    ),
    "submodule-unreachable": Remedy(
        5,
        "{name}: the commit {commit} of its submodule {path} is on no branch and no tag at {url}",
        "upstream of the submodule rewrote its history, or the commit was never pushed there",
        ("pin a commit of {name} whose submodules can be had: git hybrid pin {name} --to REV" + _SCAN, *_BACK),
    ),
    "unusable-ref": Remedy(
        5,
        "{name}: {ref} upstream cannot be used",
        "{why}",
        ("{mend}", "once upstream has a commit there, or sources.toml names another: git hybrid pin {name}" + _FOLLOW),
    ),
    "moved-tag": Remedy(
        5,
        "{name}: upstream moved {tag}: it was {old}, it is {new}",
        "its commit was {old_commit} and is {new_commit}\n{held}: a tag that moves is no release any more\n"
        "ask upstream why",
        (
            "to follow another tag: {follow}",
            "if the new one is approved: " + _forced("{new_commit}"),
        ),
    ),
    "unexplained-move": Remedy(
        5,
        "{name}: the pin follows {tag} and was moved without an override: it was {old}, it is {new}",
        "pin refuses what moved so, and another wrote the record that the audit log has of it",
        ("git hybrid check audit", "git log -p -- state/sources.lock"),
    ),
    "ref-missing": Remedy(
        5,
        "{name}: upstream has no {ref}",
        "asked at {url}\n{nearest}",
        (
            "{meant}",
            "git ls-remote {url}",
            "to follow another ref: git hybrid pin {name} --branch BRANCH" + _SCAN,
            "{stay}",
        ),
    ),
    "rewritten-history": Remedy(
        5,
        "{name}: {ref} was rewritten upstream: {old} is no longer in its history, its tip is {new}",
        "the pin stays as it was\nask upstream why",
        ("git hybrid diff {name} --upstream", "if the new history is approved: " + _forced("{new}")),
    ),
    "identity-changed": Remedy(
        5,
        "{name}: {what} at {url}",
        "{untold}\nroot commits were {old} and are {new}\nfind out who owns {url} now",
        ("git ls-remote {url}", "if it is approved: " + _forced("REV")),
    ),
    "wrong-content": Remedy(
        5, "{name}: wrong {what}", "expected {expected}, found {found}", ("git hybrid diff {name}", _RESET)
    ),
    "hostile-tree": Remedy(
        5,
        "{name}: the tree of {commit} must not be checked out",
        "{findings}",
        ("pin another commit: git hybrid pin {name} --to REV" + _SCAN,),
    ),
    "malformed-objects": Remedy(5, "{name}: upstream sent objects that are not sound", "{message}", (_TELL,)),
    "fsck-refused": Remedy(5, "{name}: git's fsck refuses objects that upstream sent", "{findings}", (_TELL, _WAIVE)),
    "off-branch": Remedy(
        6,
        "{name}: {commit} is not part of {ref}, which the manifest declares",
        "a commit off the declared ref needs an override: a request id, approvers, a reason and an expiry",
        (
            "{follow}",
            "if it is approved: " + _forced("{commit}"),
        ),
    ),
    "rollback": Remedy(
        6,
        "{name}: {new} is older than {than}",
        "a rollback needs an override: a request id, approvers, a reason and an expiry",
        (
            "{back}",
            "if it is approved: " + _forced("{new}"),
        ),
    ),
    "policy-not-met": Remedy(
        6,
        "{name}: policy does not allow this override",
        "{problems}\nchange the request, or [policy] in sources.toml after review",
        ("{ask}", "git hybrid override list"),
    ),
    "override-unnecessary": Remedy(6, "{name}: {commit} {why}", "nothing was written", ("{hint}",)),
    "override-ended": Remedy(
        6,
        "{name}: {pinned} {commit} rests on {override}, which {how}",
        "an exception ends by itself; the clone was left as it is\n"
        "another branch, tag or commit can be followed in sources.toml",
        ("{way}", "if it is approved once more: {hint}", "{leave}"),
    ),
    "override-unsigned": Remedy(
        6,
        "{name}: its pin {commit} rests on {override}, {what}",
        "where policy names the key of an approver, an approval counts only with a signature by it",
        (
            "print what an approver signs: git hybrid override request {override} --reason TEXT --expires WHEN",
            "git hybrid override renew {override} --expires WHEN --approver WHO --reason TEXT --signature FILE",
            "{way}",
        ),
    ),
    "override-unrecorded": Remedy(
        5,
        "{name}: its pin {commit} rests on {override}, {what}",
        "without its record nobody can tell who approved this pin",
        (
            "{hint}",
            "{find}",
        ),
    ),
    "unknown-override": Remedy(2, "{override}: {why}", hints=("{hint}",)),
    "host-not-allowed": Remedy(
        6,
        "{name}: the host {host} is not in [policy] hosts",
        "it can be added in sources.toml after review",
        ("git hybrid config --show-origin",),
    ),
    "too-young": Remedy(
        6,
        "{name}: {commit} is too new: first seen {first_seen}, allowed from {allowed_from}",
        "[policy] min_release_age",
        ("wait until then: git hybrid pin {name}" + _TOO, "if it is approved: " + _forced("{commit}")),
    ),
    "scan-blocked": Remedy(
        6,
        "{name}: {commit} has {counted} at or above {level} ([policy] scan_block_on){former}",
        "{findings}",
        (
            "{accept}",
            "{move}",
            "{again}",
        ),
    ),
    "no-scanner": Remedy(
        2,
        "no scanner is configured",
        'add to sources.toml: [[scanner]], then name = "secrets" and preset = "betterleaks"',
        ("git hybrid scan -h",),
    ),
    "not-installed": Remedy(
        1, "{name}: the pinned commit {commit} is not installed", hints=("git hybrid sync {name}",)
    ),
    "scan-findings": Remedy(
        1,
        "{name}: {counted} at {commit}{accepted}",
        "{findings}\nstate/scans/{name}.sarif has all of them",
        ("{accept}", "{move}"),
    ),
    "scan-incomplete": Remedy(
        1,
        "{name}: the scan is incomplete, so it proves nothing",
        "{reasons}",
        ("mend the scanner, or leave out by its args in sources.toml what it cannot read, then: {again}" + _TOO,),
    ),
    "scan-overtaken": Remedy(
        1, "{name}: {what} while it was scanned", "what was found is of {commit}, and is not recorded", ("{again}",)
    ),
    "cache-refused": Remedy(
        2,
        "the object cache {path} is not used: {reason}",
        "whoever can write there could put other objects under the names of ours",
        ("{hint}", "to use another folder: export GIT_HYBRID_CACHE_DIR=DIR"),
    ),
    "cache-damaged": Remedy(
        1,
        "{store}: the store is damaged and was set aside",
        "{reason}\nthe next fetch fills it anew; clones may share its packs",
        ("in each workspace: git hybrid check sources --content", "git hybrid cache prune"),
    ),
    "unfinished-run": Remedy(
        7,
        "run {run} is unfinished: {pending}",
        hints=("git hybrid resume", "{giving_up}"),
    ),
    "log-without-run": Remedy(
        7,
        "state/sources-audit.jsonl has nothing of the unfinished run {run} ({command}), which wrote there",
        "a stash or another branch has it; written anew, it would stand there twice once they are merged",
        (
            "if you have stashed it: git stash pop",
            "if you have changed the branch since: git checkout -",
            "to give up what that run decided: git hybrid resume --abort",
        ),
    ),
    "overtaken": Remedy(
        75,
        "{names}: changed by somebody else, such as a pull, while this ran",
        "what came in between stands; {rest}",
        ("git hybrid status", "{once_more}"),
    ),
    "lock-busy": Remedy(
        75,
        "another git hybrid is writing: {holder}",
        "{path}",
        ("{waiting}",),
    ),
    "lock-unsupported": Remedy(
        74,
        "{path} cannot be locked: {reason}",
        "without locks two writers could destroy each other's work: a local file system has them",
        ("git hybrid diag",),
    ),
    "interrupted": Remedy(130, "interrupted", "the same command goes on", (_LEFT,)),
    "local-io": Remedy(
        74,
        "cannot {operation} {path}: {reason}",
        "when disk and rights are mended, run the command again",
        ("git hybrid diag",),
    ),
    "workspace-gone": Remedy(
        74,
        "{path} was moved, deleted or replaced while this ran",
        "nothing more was written there: a workspace that stands there now is another one",
        ("where the one that was moved stands now: git hybrid resume", "git hybrid status"),
    ),
    "swept-away": Remedy(
        74,
        "{path}, which this run worked with, was removed",
        "git clean -X does that, and the journal of the run goes with it: nothing more was written\n"
        "when nothing removes it any more, run the command again",
        ("git hybrid status",),
    ),
    "mirror-gone": Remedy(
        74,
        "{path} was moved, deleted or replaced while it was filled",
        "nothing more was written there",
        ("to fill what stands there now: git hybrid mirror update {path}",),
    ),
    "folder-gone": Remedy(
        74,
        "the current folder is gone: it was moved or deleted",
        "nothing was done",
        ('where a folder of this name is there again: cd "$PWD"', "else, to your home: cd"),
    ),
    "decided-only": Remedy(
        74,
        "cannot {operation} {path}: {reason}",
        "{decided}: do not run the command again",
        ("when disk and rights are mended: git hybrid resume", "git hybrid diag"),
    ),
    "report-lost": Remedy(
        74,
        "what the command says could not be written: {reason}",
        "{run_again}",
        ("git hybrid status",),
    ),
    "git-failed": Remedy(
        74,
        "{name_prefix}{command} failed with status {status}",
        "{stderr_and_stdout}\nwith -v each step is told",
        ("git hybrid diag", "whether the clones are whole: git hybrid check sources --content"),
    ),
    "unknown-mirror": Remedy(2, "no such mirror: {names}", "{nearest}", ("git hybrid mirror list",)),
    "duplicate-mirror": Remedy(
        2,
        "there is a mirror {mirror} already, at {base_url}",
        hints=("git hybrid mirror list", "git hybrid mirror remove {mirror}"),
    ),
    "mirror-lacks": Remedy(1, "{name}: the mirror {mirror} lacks {what}", "asked at {url}", ("{filling}",)),
    "mirror-behind": Remedy(
        1,
        "{name}: the mirror {mirror} has the pin, but is behind: {by}",
        "asked at {url}",
        ("{filling}",),
    ),
    "mirror-lies": Remedy(
        5,
        "{name}: the mirror {mirror} serves {served}",
        "{what}\nasked at {url}",
        (
            "tell its owner: git hybrid mirror list",
            "where it is set to be asked, to take it out there: git hybrid config --show-origin",
        ),
    ),
    "stale-mirror": Remedy(
        6,
        "{name}: the mirror {mirror} was last known to be current {age} ago; policy allows {limit}",
        "[policy] mirror_max_staleness; what the lock names already may still be fetched from it",
        ("{filling}", "{ask_upstream_too}", "then: git hybrid mirror verify {mirror}"),
    ),
    "mirror-alone": Remedy(
        4,
        "a mirror is not asked for itself, and only {base_url} may be asked",
        "GIT_HYBRID_MIRRORS, or git's hybrid.mirrors, names no other mirror, and not direct",
        ("export GIT_HYBRID_MIRRORS={wider}",),
    ),
    "bad-bundle": Remedy(
        5,
        "{path}: {place}: {reason}",
        "nothing was taken from it",
        ("{copying}",),
    ),
    "bundle-prerequisites": Remedy(
        5,
        "{name}: the bundle builds on what is not here: {commits}",
        "it was made for a workspace that has that",
        ("{remaking}", "{by_colleague}"),
    ),
    "old-bundle": Remedy(
        6,
        "{path} is older than a bundle that was applied here: its log ends at record {found}, that one's at {applied}",
        "a bundle that is played again must not take pins back\n"
        "to go back, force-pin on the other side and make a new bundle",
        (
            "the newest: git hybrid bundle apply FILE" + _TOO,
            "for commits that this clone lacks, one of a colleague who has them: git hybrid bundle create -o FILE",
        ),
    ),
    "bundle-conflict": Remedy(
        6,
        "{name}: the bundle has it from {there}, this workspace from {here}",
        "two repositories under one name: nothing was applied",
        ("git hybrid status {name}", "git hybrid remove {name}"),
    ),
    "executor-missing": Remedy(
        2,
        "--executor needs Dask, which is not installed: no module {module}",
        "install git-hybrid[dask] from where git-hybrid came, here, on the scheduler and on each worker",
        ("pip install dask distributed",),
    ),
    "cluster-unreachable": Remedy(
        4,
        "no work can be handed to {address}",
        "{why}\nwithout --executor the work is done here",
        ("start a scheduler: dask scheduler", "and a worker: dask worker HOST:PORT"),
    ),
    "cluster-lost": Remedy(
        4,
        "no more work can be handed to {address}",
        "{why}\nwhat came back counts; without --executor the rest is done here",
        ("when it is there again: {again}",),
    ),
    "cluster-mismatch": Remedy(
        2,
        "{name_prefix}the cluster does not have what this machine has",
        "{what}\ninstall the same versions of Python, git-hybrid and Dask here, on the scheduler and on each worker",
        ("here, and on the worker: git hybrid diag",),
    ),
    "worker-lost": Remedy(
        4,
        "{name}: no worker finished it",
        "{why}\ngive the same command again: what was recorded is not done again",
        ("git hybrid status",),
    ),
}

TOO_LARGE = Remedy(
    5,
    "{name}: the tree of {commit} is larger than policy allows",
    "{findings}\nmore can be allowed in sources.toml after review",
    (
        "what is set: git hybrid config --show-origin",
        "or pin another commit: git hybrid pin {name} --to REV" + _SCAN,
    ),
)
"""In place of that of a hostile tree where nothing else is wrong with it."""

UNSIGNED = Remedy(
    5,
    "{path}: {place}: {reason}",
    "nothing was taken from it\nwho may sign, and with which key, is in the file of --allowed-signers",
    ("on the other side, sign it with such a key: git hybrid bundle create -o FILE --sign KEY",),
)

TO_BEGIN = Remedy(
    6,
    "{name}: {commit} is too new: {to_begin}",
    "a dry run keeps no time",
    (f"git hybrid pin {{name}}{as_typed('to', *FOLLOWED_BY)}", "if it is approved: " + _forced("{commit}")),
)
"""In place of that of what is too new where nothing has the time from which that counts."""

BROUGHT_TOO_YOUNG = Remedy(
    6,
    "{name}: {commit} is too new: first seen here {first_seen}, allowed from {allowed_from}",
    "[policy] min_release_age; what the other side saw earlier does not count here\n"
    "an override lifts it that was made on the other side, under a min_release_age there",
    ("wait until then, and apply it again: git hybrid bundle apply {bundle}" + _TOO,),
)

_FORBIDDEN = "{name} has to be {wanted} {url}, and the network is forbidden ({why})"

CARRIED = Remedy(
    4,
    _FORBIDDEN,
    "its pinned commit came in a bundle, and is not in this clone of the workspace",
    (
        "with the folder of the bundle with SHA-256 {brought}… in GIT_HYBRID_BUNDLE_DIR: git hybrid sync --offline",
        "or of one that a colleague makes who has the commit: git hybrid bundle create -o FILE",
    ),
)
"""In place of that of a forbidden network where state names the bundle that brought the pinned commit."""

NEWS = Remedy(
    4,
    _FORBIDDEN,
    "it came in a bundle, and what is newer comes here in another one",
    (
        "on the side with the network: git hybrid pin {name}" + as_typed("scan"),
        "then there, and carry what it writes: git hybrid bundle create -o FILE",
    ),
)
"""The same where what upstream has by now is asked for."""
