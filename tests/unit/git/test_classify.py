"""What git's words mean: messages of real git versions, and what they must become."""

from __future__ import annotations

import pytest

from git_hybrid.cli.telling import tell
from git_hybrid.core import errors
from git_hybrid.git.classify import classify_network, last_words, redirects
from git_hybrid.git.unusable import cut_off

URL = "https://example.org/group/tool"
AT = f"fatal: unable to access '{URL}/': "
HTTP = AT + "The requested URL returned error: "
OID = "0123456789abcdef0123456789abcdef01234567"
SSH_TAIL = "\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\n"
SSH_TAIL += "and the repository exists.\n"
DAMAGED = f"remote: fatal: unable to read {OID}        \n"
DAMAGED += "remote: aborting due to possible repository corruption on the remote side.\0\n"
HALF = f"error: Unable to find {OID} under {URL}\nCannot obtain needed object {OID}\nerror: fetch failed.\n"
REFUSED = ("Input/output error", "File too large", "Stale file handle")
CUT = "fatal: early EOF\nfatal: fetch-pack: invalid index-pack output\n"
Denied, Missing, Network = errors.AccessDenied, errors.RepositoryNotFound, errors.NetworkFailure
Local = (errors.LocalIo, errors.GitFailed)  # both are exit 74
Tls, HostKey, NoRef, Bad = errors.TlsFailure, errors.HostKeyFailure, errors.RefMissing, errors.MalformedObjects
Refused = errors.FsckRefused

SAMPLES = (
    (HTTP + "401", Denied),
    (HTTP + "403", Denied),
    (HTTP + "404", Missing),
    (HTTP + "407", Denied),
    (HTTP + "410", Missing),
    (HTTP + "429", Network),
    (HTTP + "500", Network),
    (HTTP + "502", Network),
    (HTTP + "503", Network),
    (HTTP + "504", Network),
    (AT + "Maximum (20) redirects followed", errors.RedirectLoop),
    (AT + 'Protocol "http" not supported or disabled in libcurl', errors.InsecureRedirect),
    (AT + 'Protocol "file" disabled in redirect', errors.InsecureRedirect),
    (f"fatal: repository '{URL}/' not found", Missing),
    (f"remote: Repository not found.\nfatal: repository '{URL}/' not found", Missing),
    (f"remote: HTTP Basic: Access denied\nfatal: Authentication failed for '{URL}/'", Denied),
    (f"fatal: could not read Username for '{URL}': terminal prompts disabled", Denied),
    (f"fatal: could not read Password for '{URL}': No such device or address", Denied),
    (f"fatal: credential helper '!f()' told us to quit\nfatal: Authentication failed for '{URL}/'", Denied),
    ("fatal: credential helper '!f()' told us to quit", Denied),
    ("ssh: 1: ssh: not found" + SSH_TAIL, errors.ToolTooOld),
    ("sshpass: line 1: sshpass: command not found" + SSH_TAIL, errors.ToolTooOld),
    ("fatal: cannot run /no such/ssh: No such file or directory\nfatal: unable to fork", errors.ToolTooOld),
    ("bash: line 1: git-upload-pack: command not found" + SSH_TAIL, Denied),
    ("vault: 1: vault: not found\nfatal: could not read Username for 'x': terminal prompts disabled", Denied),
    ("error: cannot run /ask: No such file or directory\nfatal: could not read Username for 'x'", Denied),
    ("fatal: ssh variant 'simple' does not support setting port", errors.BadArgument),
    ("remote: Invalid username or password.\nfatal: Authentication failed for 'x'", Denied),
    ("remote: Write access to repository not granted.\n" + HTTP + "403", Denied),
    (AT + "CONNECT tunnel failed, response 403", Denied),
    (AT + "Received HTTP code 404 from proxy after CONNECT", Denied),
    (AT + "CONNECT tunnel failed, response 503", Network),
    (f"fatal: unable to update url base from redirection:\n  asked for: {URL}/info\n   redirect: https://sso/", Denied),
    (AT + "GnuTLS recv error (-12): A TLS fatal alert has been received.", Tls),
    (AT + "OpenSSL/3.0: error:0A00045C:SSL routines::tlsv13 alert certificate required", Tls),
    (AT + "error reading X.509 key or certificate file", Tls),
    ("git-lfs: 1: Cannot fork\nfatal: Could not read from remote repository.", Local),
    (AT + "Could not resolve host: example.org", Network),
    (AT + "Couldn't resolve host 'example.org'", Network),
    (AT + "Could not resolve proxy: proxy.corp", Network),
    (AT + "Failed to connect to example.org port 443 after 5 ms: Couldn't connect to server", Network),
    (AT + "Failed to connect to example.org port 443: Connection refused", Network),
    (AT + "Recv failure: Connection reset by peer", Network),
    (AT + "OpenSSL SSL_connect: Connection reset by peer in connection to example.org:443", Network),
    (AT + "OpenSSL SSL_read: SSL_ERROR_SYSCALL, errno 104", Network),
    (AT + "GnuTLS recv error (-54): Error in the pull function.", Network),
    (AT + "Operation too slow. Less than 1000 bytes/sec transferred the last 30 seconds", Network),
    (AT + "Connection timed out after 300001 milliseconds", Network),
    (AT + "Empty reply from server", Network),
    (AT + "Proxy CONNECT aborted", Network),
    ("error: RPC failed; curl 18 transfer closed with outstanding read data remaining\nfatal: early EOF", Network),
    ("error: RPC failed; curl 92 HTTP/2 stream 5 was not closed cleanly: CANCEL (err 8)", Network),
    ("error: RPC failed; HTTP 502 curl 22 " + "The requested URL returned error: 502", Network),
    ("fatal: the remote end hung up unexpectedly", Network),
    ("fetch-pack: unexpected disconnect while reading sideband packet\nfatal: early EOF", Network),
    ("fatal: early EOF\nfatal: fetch-pack: invalid index-pack output", Network),
    ("error: RPC failed; curl 56 GnuTLS recv error (-110)\nfatal: pack is corrupted (SHA1 mismatch)", Network),
    ("remote: RPC failed; curl 56\nfatal: pack is corrupted (SHA1 mismatch)", errors.MalformedObjects),
    ("fatal: protocol error: bad line length character: <htm", Network),
    (DAMAGED + CUT, errors.RepositoryDamaged),
    ("remote: error: Could not read " + OID + "\n" + DAMAGED.partition("\n")[2] + CUT, errors.RepositoryDamaged),
    (HALF, errors.RepositoryDamaged),
    ("The requested URL returned error: 404\n" + HALF, errors.RepositoryDamaged),
    (f"error: Unable to get pack index {URL}/objects/pack/pack-{OID}.idx\n" + HALF, errors.RepositoryDamaged),
    ("The requested URL returned error: 503\n" + HALF, Network),
    ("fatal: early EOF\n" + HALF, Network),
    (f"error: Unable to get pack index {URL}/x.idx\nCould not resolve host: example.org\n" + HALF, Network),
    ("error: unable to create temporary file: Read-only file system\n" + HALF, Local),
    ("The requested URL returned error: 403\n" + HALF, Denied),
    # Its pack-objects was killed, for one.
    (DAMAGED.partition("\n")[2] + CUT, Network),
    (AT + "SSL certificate problem: unable to get local issuer certificate", Tls),
    (AT + "SSL certificate problem: self-signed certificate", Tls),
    (AT + "SSL certificate problem: certificate has expired", Tls),
    (AT + "server certificate verification failed. CAfile: none CRLfile: none", Tls),
    # libcurl says the same in other words since 8.10 and since 8.15.
    (AT + "server verification failed: certificate has expired. (CAfile: none CRLfile: none)", Tls),
    (AT + "SSL certificate verification failed: certificate signer not trusted. (CAfile: a CRLfile: none)", Tls),
    (AT + "SSL certificate verify result: certificate has expired (10)", Tls),
    (AT + "SSL certificate OpenSSL verify result: certificate has expired (10)", Tls),
    # What git-lfs says.
    ('batch response: Post "https://h/batch": x509: certificate is valid for elsewhere, not h', Tls),
    ('batch request: Post "https://h/batch": tls: failed to verify certificate: x509: unknown authority', Tls),
    (AT + "SSL: no alternative certificate subject name matches target host name 'example.org'", Tls),
    (AT + "SSL: certificate subject name 'a' does not match target host name 'b'", Tls),
    (AT + "SSL: unable to obtain common name from peer certificate", Tls),
    (AT + "error setting certificate verify locations:  CAfile: /no/such/file", Tls),
    (AT + "Problem with the SSL CA cert (path? access rights?)", Tls),
    (AT + "error adding trust anchors from file: /no/such/file", Tls),
    (AT + "Problem with the local SSL certificate", Tls),
    ("fatal: Unsupported SSL backend 'x'. Supported SSL backends:\n\tgnutls", errors.GitFailed),
    ("fatal: could not open object name list: /x\nfatal: fetch-pack: invalid index-pack output", errors.GitFailed),
    (
        "No ED25519 host key is known for h and you have requested strict checking.\nHost key verification failed.",
        HostKey,
    ),
    ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed." + SSH_TAIL, HostKey),
    # What a git since 2.47 says, which credential.interactive keeps from asking.
    ("fatal: unable to get password from user", Denied),
    ("git@example.org: Permission denied (publickey)." + SSH_TAIL, Denied),
    ("git@example.org: Permission denied (publickey,password)." + SSH_TAIL, Denied),
    ("git@example.org: Permission denied (password)." + SSH_TAIL, Denied),
    ("Received disconnect from 1.2.3.4 port 22:2: Too many authentication failures" + SSH_TAIL, Denied),
    ("ssh: Could not resolve hostname example.org: Name or service not known" + SSH_TAIL, Network),
    ("ssh: connect to host example.org port 22: Connection refused" + SSH_TAIL, Network),
    ("ssh: connect to host example.org port 22: Connection timed out" + SSH_TAIL, Network),
    ("ssh: connect to host example.org port 22: No route to host" + SSH_TAIL, Network),
    ("kex_exchange_identification: Connection closed by remote host" + SSH_TAIL, Network),
    ("client_loop: send disconnect: Broken pipe\nfatal: early EOF", Network),
    ("Connection to example.org closed by remote host." + SSH_TAIL, Network),
    ("Timeout, server example.org not responding." + SSH_TAIL, Network),
    ("Corrupted MAC on input.\nssh_dispatch_run_fatal: message authentication code incorrect" + SSH_TAIL, Network),
    (
        "Bad packet length 7.\nssh_dispatch_run_fatal: Connection to ::1 port 22: Connection corrupted" + SSH_TAIL,
        Network,
    ),
    ("ERROR: Repository not found." + SSH_TAIL, Missing),
    ("fatal: '/srv/x.git' does not appear to be a git repository" + SSH_TAIL, Missing),
    ("remote: The project you were looking for could not be found" + SSH_TAIL, Missing),
    ("fatal: couldn't find remote ref refs/heads/nope", NoRef),
    (f"fatal: remote error: upload-pack: not our ref {OID}", NoRef),
    (f"error: Server does not allow request for unadvertised object {OID}", NoRef),
    ("fatal: dumb http transport does not support shallow capabilities", NoRef),
    (f"error: object {OID}: hasDotgit: contains '.git'\nfatal: fsck error in packed object", Refused),
    (
        f"error: object {OID}: gitmodulesUrl: disallowed submodule url: -u\nfatal: fetch-pack: invalid index-pack output",
        Refused,
    ),
    (f"error: object {OID}: treeNotSorted: not properly sorted\nfatal: index-pack died of signal 6", Refused),
    ("error: unable to write file: No space left on device\nfatal: unable to write loose object", Local),
    ("fatal: write error: No space left on device\nfatal: fetch-pack: invalid index-pack output", Local),
    *((f"fatal: write error: {why}\nfatal: fetch-pack: invalid index-pack output", Local) for why in REFUSED),
    ("warning: unable to access '/x': Too many open files\nfatal: unknown error occurred while", Local),
    (f"error: {URL} did not send all necessary objects\nwarning: unable to access '/x': Too many open files", Local),
    (f"error: object {OID}: badTagName: invalid 'tag' name: Too many open files\nfatal: fsck error", Refused),
    ("error: RPC failed; curl 56 Recv failure: Input/output error\n" + CUT, Network),
    ("fatal: fetch-pack: invalid index-pack output", Network),
    (
        "fatal: unable to create thread: Resource temporarily unavailable\nfatal: fetch-pack: invalid index-pack output",
        errors.GitFailed,
    ),
    ("error: unable to create temporary file: Read-only file system", Local),
    ("error: unable to create temporary file: No such file or directory\nfatal: index-pack failed", errors.GitFailed),
    ("fatal: transport 'ext' not allowed", errors.BadArgument),
    ("fatal: detected dubious ownership in repository at '/srv/x.git'" + SSH_TAIL, Denied),
    ("fatal: transport 'https' not allowed", errors.BadArgument),
    ("remote: fatal: transport 'ext' not allowed", Network),
    ("fatal: something that nobody has seen before", Network),
    ("", Network),
    ("fatal: remote error: GitLab is not responding, try again later", Network),
    ("fatal: remote error: access denied or repository not exported: /x", Denied),
    ("fatal: remote error: You are not allowed to read this project", Denied),
    ("fatal: remote error: The project 'x' was not found, or you lack the rights", Missing),
    ("remote: fatal: remote error: not found\nfatal: something that nobody has seen before", Network),
    # Its disk is not ours, whatever lines it has for that, and what its words look like is not what git says.
    ("fatal: remote error: upload-pack: No space left on device", Network),
    ("fatal: remote error: sorry\nerror: unable to write file: No space left on device", Network),
    ("fatal: remote error: x\nHost key verification failed.\nfatal: SSL certificate problem: x", Network),
    (
        f"fatal: remote error: x\nerror: object {OID}: hasDotgit: contains '.git'\nfatal: couldn't find remote ref x",
        Network,
    ),
    ("fatal: remote error: x\nfatal: transport 'http' not allowed\nThe requested URL returned error: 401", Denied),
    ("/etc/profile: line 3: cannot create temp file: No space left on device" + SSH_TAIL, Denied),
    ("fatal: invalid ls-refs response: No space left on device", Network),
    ("fatal: invalid server response; got 'x' Too many open files'", Network),
    ("fatal: protocol error: unexpected 'x' Read-only file system'", Network),
    ("fatal: expected 'packfile', received 'it's' Disk quota exceeded'", Network),
    ("fatal: git fetch-pack: expected ACK/NAK, got 'x' Permission denied (publickey)'", Network),
    ("fatal: mismatched algorithms: client sha1; server sha256", errors.IdentityChanged),
    ("fatal: pack signature mismatch\nerror: index-pack died", Bad),
    ("fatal: pack has junk at the end\nfatal: fetch-pack: invalid index-pack output", Bad),
    (f"fatal: did not receive expected object {OID}\nfatal: fetch-pack: invalid index-pack output", Bad),
    ("fatal: pack has 2 unresolved deltas\nfatal: fetch-pack: invalid index-pack output", Bad),
    (f"error: {URL} did not send all necessary objects", Bad),
    ("fatal: expected response end packet", Network),
    (AT + "URL using bad/illegal format or missing URL", Network),
    ("fatal: Out of memory, malloc failed", errors.GitFailed),
    ("fatal: Out of memory, malloc failed (tried to allocate 70000 bytes)", errors.GitFailed),
    ("fatal: Out of memory, malloc failed (tried to allocate 1099511627777 bytes)", Bad),
    (
        "warning: unable to access '/x': Is a directory\nfatal: unknown error occurred while reading the configuration files",
        errors.GitFailed,
    ),
    ("error: cannot lock ref 'refs/x': Unable to create '/x.lock': File exists.", errors.GitFailed),
    ("fatal: --bare and --origin git-hybrid options are incompatible.", errors.GitFailed),
    ("fatal: options '--bare' and '--origin git-hybrid' cannot be used together", errors.GitFailed),
)


def test_what_nobody_knows_is_the_server_s_unless_it_is_this_machine_s():
    def kind(status: int, url: str) -> str:
        return classify_network("fatal: what nobody knows", url=url, status=status, command="git fetch").code

    assert kind(128, URL) == "network"
    assert kind(-9, URL) == "git-failed"
    # An option that this git does not know.
    assert kind(129, URL) == "git-failed"
    assert kind(128, "/srv/tool.bundle") == "git-failed"


def test_nobody_logs_in_to_a_folder_of_this_machine():
    mend = "git config --global --add safe.directory /srv/x.git"
    owned = f"fatal: detected dubious ownership in repository at '/srv/x.git'\nTo add an exception, call:\n\n\t{mend}"
    error = classify_network(owned + SSH_TAIL, url="file:///srv/x.git", status=128, command="git fetch")
    assert isinstance(error, errors.AccessDenied)
    assert error.trust == mend
    for words in ("invalid gitfile format: /srv/x.git", "bad config line 5 in file ./config"):
        error = classify_network(f"fatal: {words}{SSH_TAIL}", url="file:///srv/x.git", status=128, command="git fetch")
        assert type(error) is Missing


def test_what_a_server_says_in_place_of_an_answer_is_told():
    error = classify_network("fatal: remote error: come back\n", url=URL, status=128, command="git fetch")
    assert isinstance(error, Network)
    assert (error.kind, error.message) == ("server", "fatal: remote error: come back")


@pytest.mark.parametrize(
    "how", ["'{0}' exists; cannot create '{0}/x'", "cannot process '{0}' and '{0}/x' at the same time"]
)
def test_a_ref_below_another_is_told_as_upstreams(how):
    words = how.format("refs/hybrid/upstream/heads/main")
    error = classify_network(f"error: cannot lock ref 'x': {words}\n", url=URL, status=1, command="git fetch")
    assert isinstance(error, errors.UnusableRef)
    assert (error.ref, error.why.split(" ")[0]) == ("refs/heads/main/x", "refs/heads/main")


def test_a_ref_that_a_shallow_upstream_kept_back_is_named():
    rejected = "warning: rejected refs/hybrid/upstream/{} because shallow roots are not allowed to be updated\n"
    for kept, ref in (("heads/main", "refs/heads/main"), (f"commits/{OID}", OID)):
        error = cut_off(f"From {URL}\n{rejected.format(kept)}")
        assert isinstance(error, errors.UnusableRef)
        assert error.ref == ref
    assert cut_off(f"remote: {rejected.format('heads/main')}") is None


def test_another_algorithm_is_another_repository():
    text = "fatal: mismatched algorithms: client sha1; server sha256"
    error = classify_network(text, url=URL, status=128, command="git fetch")
    assert isinstance(error, errors.IdentityChanged)
    assert (error.old, error.new) == (("of sha1",), ("of sha256",))


def test_a_server_ends_no_line_but_as_git_does():
    """Its words stand behind "remote:", up to where git ends the line."""
    for end in ("\u2028", "\x0b", "\x0c", "\x85"):
        text = f"remote: x{end}Host key verification failed.\n{HTTP}503"
        assert type(classify_network(text, url=URL, status=128, command="git fetch")) is Network


@pytest.mark.parametrize("code", [400, 402, 405, 406, 409, 422, 451])
def test_a_status_that_will_be_the_same_again_is_final(code):
    text = f"fatal: unable to access 'x': The requested URL returned error: {code}"
    assert isinstance(classify_network(text, url=URL, status=128, command="git fetch"), errors.RepositoryNotFound)


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 504, 520, 599])
def test_a_status_that_may_pass_is_told_by_its_number(code):
    text = f"fatal: unable to access 'x': The requested URL returned error: {code}"
    error = classify_network(text, url=URL, status=128, command="git fetch")
    assert isinstance(error, errors.NetworkFailure)
    assert error.kind == f"http-{code}"


@pytest.mark.parametrize(("text", "kind"), SAMPLES, ids=range(len(SAMPLES)))
def test_message(text, kind):
    error = classify_network(text, url=URL, status=128, command="git fetch")
    assert isinstance(error, kind)


def test_a_name_in_the_url_decides_nothing():
    for word in ("not-found", "early-eof", "access-denied", "connection-refused", "error: 404"):
        text = f"fatal: unable to access 'https://example.org/{word}/': The requested URL returned error: 503"
        assert type(classify_network(text, url=URL, status=128, command="git fetch")) is Network


def test_what_a_server_says_makes_no_failure_of_trust_pass():
    text = "remote: early EOF, connection reset, try again\n" + AT + "SSL certificate problem: certificate has expired"
    assert type(classify_network(text, url=URL, status=128, command="git fetch")) is Tls
    text = f"error: object {OID}: hasDotgit: contains '.git'\nfatal: the remote end hung up unexpectedly"
    assert type(classify_network(text, url=URL, status=128, command="git fetch")) is Refused


WARNED = "warning in tag 1234567890123456789012345678901234567890: badTagName: invalid 'tag' name: "


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("fatal: pack is corrupted (SHA1 mismatch)", errors.MalformedObjects),
        (f"error: object {OID}: hasDotgit: contains '.git'\nfatal: fsck error in packed object", Refused),
        ("fatal: early EOF\nfatal: fetch-pack: invalid index-pack output", Network),
    ],
)
@pytest.mark.parametrize(
    "name",
    [
        *("certificate verify failed", "host key verification failed", "early eof", "fsck error"),
        *("in object x: error", "access denied", "no space left on device", "The requested URL returned error: 503"),
    ],
)
def test_what_upstream_calls_its_tags_decides_nothing(words, kind, name):
    # A server may well say why it denies somebody access.
    for begin in (WARNED,) if name == "access denied" else (WARNED, "remote: "):
        assert type(classify_network(f"{begin}{name}\n{words}", url=URL, status=128, command="x")) is kind


def test_facts_of_a_passing_failure():
    error = classify_network(HTTP + "429", url=URL, status=128, command="git fetch")
    assert (error.kind, error.retry_after, error.url) == ("http-429", None, URL)


def test_the_missing_ref_is_named():
    error = classify_network("fatal: couldn't find remote ref refs/tags/v9", url=URL, status=128, command="x")
    assert error.ref == "refs/tags/v9"


@pytest.mark.parametrize(
    ("stderr", "tool"),
    [
        ("ssh: 1: ssh: not found" + SSH_TAIL, "ssh"),
        ("***: 1: sshpass: not found" + SSH_TAIL, "sshpass"),
        ("error: cannot run /no such/ssh: No such file or directory\nfatal: unable to fork", "/no such/ssh"),
    ],
)
def test_the_program_for_ssh_that_is_missing_is_named(stderr, tool):
    found = classify_network(stderr, url="ssh://git@h/x", status=128, command="git fetch")
    assert isinstance(found, errors.ToolTooOld)
    assert (found.tool, found.found) == (tool, "nothing")


def test_an_index_pack_that_ended_without_a_word():
    wordless = "fatal: fetch-pack: invalid index-pack output\n"

    def told(words: str, url: str, *, bounded: bool) -> errors.HybridError:
        return classify_network(words, url=url, status=128, command="git fetch", bounded=bounded)

    found = told(wordless, "file:///srv/x.git", bounded=False)
    assert isinstance(found, errors.GitFailed)
    assert found.was_ended
    for url in (URL, "file:///srv/x.git"):
        assert isinstance(told(wordless, url, bounded=True), errors.LocalIo)
        assert isinstance(told(CUT, url, bounded=True), Network)
    assert isinstance(told(wordless, URL, bounded=False), Network)


def test_last_words():
    noise = "remote: Enumerating objects: 5\nhint: try this\nwarning: redirecting to x\n\n"
    assert last_words(noise + "fatal: a\n  b  \n") == "fatal: a / b"
    assert len(last_words("x" * 5000)) == 500
    assert last_words("") == ""
    assert last_words("remote: a.\0\nfatal: b\n") == "remote: a. / fatal: b"
    held = "fatal: Unable to create '/x/.git/HEAD.lock': File exists."
    advice = (
        "Another git process seems to be running in this repository, e.g.\nan editor opened by 'git commit'. Please"
    )
    advice += (
        " make sure all processes\nare terminated then try again. If it still fails, a git process\nmay have crashed"
    )
    assert (
        last_words(f"{held}\n\n{advice} in this repository earlier:\nremove the file manually to continue.\n") == held
    )


def test_redirects_are_found():
    text = "warning: redirecting to https://other.example/x/\nfatal: y\nremote: warning: redirecting to https://no/\n"
    assert redirects(text) == ("https://other.example/x/",)


@pytest.mark.parametrize(
    "told", [HTTP + "407", *(f"{AT}CONNECT tunnel failed, response {status}" for status in (403, 407))]
)
def test_a_login_that_the_proxy_wants_is_not_the_server_s(told: str):
    found = classify_network(told, url=URL, status=128, command="git fetch")
    assert isinstance(found, errors.AccessDenied)
    assert found.by_proxy
    assert "the proxy on the way" in tell(found).title


def test_memory_that_a_list_of_refs_takes_is_the_server_s():
    spent = "fatal: Out of memory, realloc failed"
    found = classify_network(spent, url=URL, status=128, command="git ls-remote")
    assert isinstance(found, errors.EndlessAnswer)
    for told in ("Out of memory", "Too large response headers: 307289 > 307200"):
        refused = f"fatal: unable to access '{URL}/': {told}"
        assert isinstance(classify_network(refused, url=URL, status=128, command="git clone"), errors.EndlessAnswer)
    for told, command in ((spent, "git fetch"), (f"remote: {spent}", "git ls-remote")):
        found = classify_network(told, url=URL, status=128, command=command)
        assert not isinstance(found, errors.EndlessAnswer)


def test_a_bundle_tells_all_the_commits_that_it_builds_on():
    commits = tuple(f"{number:040x}" for number in range(1, 7))
    lines = "".join(f"error: {commit} the subject\n" for commit in commits)
    stderr = f"error: Repository lacks these prerequisite commits:\n{lines}"
    found = classify_network(stderr, url="/b/tool.bundle", status=1, command="git fetch")
    assert isinstance(found, errors.BundlePrerequisites)
    assert found.commits == commits


@pytest.mark.parametrize(
    ("url", "host", "known"),
    [
        ("ssh://git@git.example.org/x", "git.example.org", "git.example.org"),
        ("ssh://git@git.example.org:7999/x", "-p 7999 git.example.org", "'[git.example.org]:7999'"),
        ("https://git.example.org:8443/x", "git.example.org", "git.example.org"),
    ],
)
def test_the_hints_at_a_host_key_name_the_host_and_take_the_old_key_away(url: str, host: str, known: str) -> None:
    scan, named = f": ssh-keyscan {host} >> ~/.ssh/known_hosts", known.strip("'")
    for words in (f"No ED25519 host key is known for {named}", f"Host key for {named} has changed"):
        # By an alias of the configuration of ssh it is the same.
        for asked in (url, "ssh://alias/x"):
            told = f"{words} and you have requested strict checking.\nHost key verification failed.{SSH_TAIL}"
            *before, last = tell(classify_network(told, url=asked, status=128, command="git fetch")).hints
            assert last.endswith(scan)
            assert [hint.rpartition(": ")[2] for hint in before] == [f"ssh-keygen -R {known}"] * ("changed" in words)


def test_the_file_that_ssh_names_has_the_old_key_and_gets_the_new_one():
    told = "Add correct host key in /h/my hosts to get rid of this message.\nOffending ED25519 key in /h/my hosts:12\n"
    told += "Host key for [h]:22 has changed and you have requested strict checking.\nHost key verification failed."
    hints = tell(classify_network(told, url="ssh://alias/x", status=128, command="git fetch")).hints
    commands = ["ssh-keygen -f '/h/my hosts' -R '[h]:22'", "ssh-keyscan -p 22 h >> '/h/my hosts'"]
    assert [hint.rpartition(": ")[2] for hint in hints] == commands


@pytest.mark.parametrize(
    ("url", "commands"),
    [
        ("ssh://git@alias/x", ["ssh git@alias"]),
        ("ssh://alias:2222/x", ["ssh -p 2222 alias"]),
        ("ssh://git@h.example/x", ["ssh git@h.example", "ssh-keyscan h.example >> ~/.ssh/known_hosts"]),
        ("ssh://git@[::1]:22/x", ["ssh -p 22 ::1", "ssh-keyscan -p 22 ::1 >> ~/.ssh/known_hosts"]),
    ],
)
def test_where_ssh_names_no_host_it_is_asked_since_it_alone_knows_its_aliases(url: str, commands: list[str]) -> None:
    told = f"Host key verification failed.{SSH_TAIL}"
    hints = tell(classify_network(told, url=url, status=128, command="git fetch")).hints
    assert [hint.partition(": ")[2] for hint in hints] == commands


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("fatal: bad numeric config value 'eleven' for 'core.compression': invalid unit\n", "core.compression"),
        ("fatal: bad boolean config value 'maybe' for 'fetch.prune'\n", "fetch.prune"),
        ("fatal: unknown value for config 'protocol.version': 9\n", "protocol.version"),
        ("fatal: bad numeric config value 'many' for 'pack.threads': invalid unit\n" + CUT, "pack.threads"),
        ("fatal: bad boolean config value 'x' for 'http.https://h/.sslverify'\n", "http.https://h/.sslverify"),
        ("error: malformed value for push.default: zz\n", "push.default"),
    ],
)
def test_a_wrong_value_in_the_configuration_is_no_failure_of_the_network(said, key):
    error = classify_network(said, url=URL, status=128, command="git fetch")
    assert isinstance(error, errors.GitFailed)
    assert error.setting == key
    assert isinstance(classify_network("remote: " + said, url=URL, status=128, command="git fetch"), Network)


def test_a_proxy_without_an_address_is_a_matter_of_names():
    error = classify_network(AT + "Could not resolve proxy: p", url=URL, status=128, command="git fetch")
    assert error.kind == "dns"
