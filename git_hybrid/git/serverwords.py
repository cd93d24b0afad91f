"""The words, in lower case, by which git and curl tell what a server or the way to it does. Pure."""

from __future__ import annotations

from git_hybrid.core.errors import TIMEOUT

DENIED = (
    "authentication failed",
    "permission denied (",
    "too many authentication failures",
    "could not read username",
    "could not read password",
    "unable to get password from user",
    "terminal prompts disabled",
    "told us to quit",
    "invalid username or password",
    "access denied",
    # A server led to a page, as for a login, and to no repository.
    "unable to update url base from redirection",
)
NOT_FOUND = (
    "repository not found",
    "repository '' not found",
    "does not appear to be a git repository",
    "not valid: is this a git repository",
    "project not found",
    "could not be found",
    "not supported or disabled in libcurl",
)
TLS = (
    "ssl certificate problem",
    "certificate verification failed",
    "server verification failed",
    "verify result: ",
    "certificate verify failed",
    "no alternative certificate",
    "certificate subject name",
    "unable to obtain common name",
    "error setting certificate",
    "error adding trust anchors",
    "problem with the ssl ca cert",
    "problem with the local ssl certificate",
    "x509: ",
    # The server wants a certificate of the client, or the file of that cannot be used.
    "alert certificate required",
    "alert bad certificate",
    "alert handshake failure",
    "tls fatal alert",
    "error reading x.509 key",
    "could not load pem client certificate",
    "unable to set private key file",
)
TRANSIENT = (
    ("dns", ("could not resolve host", "couldn't resolve host", "temporary failure in name resolution")),
    ("dns", ("could not resolve proxy", "couldn't resolve proxy", "no such host", "server misbehaving")),
    ("refused", ("connection refused", "failed to connect to", "couldn't connect to server", "no route to host")),
    ("stalled", ("operation too slow", "less than 1000 bytes/sec")),
    (TIMEOUT, ("timed out", "timeout was reached", "timeout, server", "deadline")),
    ("cut", ("early eof", "unexpected disconnect", "the remote end hung up", "connection reset", "recv failure")),
    ("cut", ("rpc failed", "transfer closed", "broken pipe", "connection closed", "unexpected eof", "gnutls recv")),
    ("cut", ("bad line length", "protocol error", "bad pack header", "empty reply")),
    ("cut", ("closed by remote host", "connection corrupted", "message authentication code incorrect")),
    ("cut", ("expected response end packet", "unexpected flush packet", "expected flush", "unexpected response")),
    ("network", ("network is unreachable", "proxy connect aborted", "ssl_error_syscall", "http/2 stream")),
    # Of git-lfs, which begins all that keeps it from a server with the first of these.
    (TIMEOUT, ("dial tcp", "handshake timeout")),
    ("stalled", ("i/o timeout",)),
)
