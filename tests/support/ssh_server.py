"""Bare repositories over real ssh on loopback, for one throw-away key and one command."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shlex
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar
from urllib.parse import quote

import asyncssh

from support.gitenv import git_env

REFUSED = 128
CHUNK = 65536
ANSWER_SECONDS = 20

T = TypeVar("T")


class SshRequest(NamedTuple):
    """One session: the command as sent ("" for a shell) and the protocol it asked for."""

    command: str
    git_protocol: str


class _Door(asyncssh.SSHServer):
    """Notes the open connections: closing a listener leaves them open."""

    def __init__(self, connections: set[asyncssh.SSHServerConnection]) -> None:
        self._connections = connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._conn = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self._conn)


class SshGitServer:
    """Runs `git-upload-pack` for repositories below `root`, from `__enter__` to `__exit__`.

    The client key and the known_hosts file are written to `folder`.
    """

    def __init__(self, root: Path, *, folder: Path, changed_host_key: bool = False) -> None:
        self.root = root.resolve()
        self.key_file = folder / "client_key"
        self.known_hosts = folder / "known_hosts"
        self.lfs: str | None = None
        """Where the content of Git LFS is, as git-lfs-authenticate tells whoever asks for that; None: it is refused."""
        self._changed_host_key = changed_host_key
        self._lock = threading.Lock()
        self._requests: list[SshRequest] = []
        self._connections: set[asyncssh.SSHServerConnection] = set()

    def __enter__(self) -> Self:
        client_key = asyncssh.generate_private_key("ssh-ed25519")
        host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.key_file.parent.mkdir(parents=True, exist_ok=True)
        self.key_file.touch(mode=0o600)
        self.key_file.write_bytes(client_key.export_private_key())
        self._client = asyncssh.import_authorized_keys(client_key.export_public_key().decode())
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        try:
            self._listen(host_key, port=0)
            public = host_key.export_public_key().decode().strip()
            self.known_hosts.write_text(f"[localhost]:{self.port} {public}\n")
            if self._changed_host_key:
                self.change_host_key()
        except BaseException:
            self._stop_loop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._wait(self._close())
        finally:
            self._stop_loop()

    def url(self, rel: str) -> str:
        """Return the `ssh://` URL of the repository at `rel` below the root."""
        return f"ssh://git@localhost:{self.port}{quote(str(self.root / rel))}"

    def env(self) -> dict[str, str]:
        """Return what a git child needs in order to log in, and to trust this server alone."""
        options = [
            f'UserKnownHostsFile="{self.known_hosts}"',
            "GlobalKnownHostsFile=/dev/null",
            "StrictHostKeyChecking=yes",
            "UpdateHostKeys=no",
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            "BatchMode=yes",
        ]
        command = ["ssh", "-F", "none", "-i", str(self.key_file)]
        command += [word for option in options for word in ("-o", option)]
        return {"GIT_SSH_COMMAND": shlex.join(command)}

    @property
    def requests(self) -> list[SshRequest]:
        """A copy of the sessions so far."""
        with self._lock:
            return list(self._requests)

    def change_host_key(self) -> None:
        """Come back on the same port with a host key that the known_hosts file belies."""
        self._wait(self._close())
        self._listen(asyncssh.generate_private_key("ssh-ed25519"), port=self.port)

    def _listen(self, host_key: asyncssh.SSHKey, *, port: int) -> None:
        self._acceptor = self._wait(self._open(host_key, port))
        self.port: int = self._acceptor.get_port()

    async def _open(self, host_key: asyncssh.SSHKey, port: int) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            port,
            server_factory=lambda: _Door(self._connections),
            server_host_keys=[host_key],
            authorized_client_keys=self._client,
            process_factory=self._serve,
            password_auth=False,
            kbdint_auth=False,
            allow_pty=False,
            agent_forwarding=False,
            x11_forwarding=False,
            encoding=None,
        )

    async def _close(self) -> None:
        self._acceptor.close()
        for connection in self._connections.copy():
            connection.abort()
            await connection.wait_closed()
        await self._acceptor.wait_closed()

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        command = process.command or ""
        protocol = process.env.get("GIT_PROTOCOL", "")
        with self._lock:
            self._requests.append(SshRequest(command=command, git_protocol=protocol))
        path = self._allowed(command, "git-upload-pack")
        if path is None and self.lfs is not None and self._allowed(command, "git-lfs-authenticate", "download"):
            told = {"href": self.lfs, "header": {"Authorization": "RemoteAuth token"}, "expires_in": 3600}
            process.stdout.write(json.dumps(told).encode())
            process.exit(0)
            return
        if path is None:
            process.stderr.write(b"only git-upload-pack below the root is served\n")
            process.exit(REFUSED)
            return
        child = await asyncio.create_subprocess_exec(
            "git",
            "upload-pack",
            "--strict",
            str(path),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=git_env() | {"GIT_PROTOCOL": protocol},
        )
        feed = asyncio.create_task(_feed(process.stdin, child))
        try:
            await asyncio.gather(_pour(child.stdout, process.stdout), _pour(child.stderr, process.stderr))
            process.exit(await child.wait())
        finally:
            feed.cancel()
            if child.returncode is None:
                child.kill()
                await child.wait()

    def _allowed(self, command: str, program: str, *behind: str) -> Path | None:
        try:
            words = shlex.split(command)
        except ValueError:
            return None
        if len(words) < 2 or [words[0], *words[2:]] != [program, *behind]:
            return None
        # Forges find a repository with and without the suffix.
        paths = (Path(words[1] + suffix).resolve() for suffix in ("", ".git"))
        return next((p for p in paths if p.is_dir() and p.is_relative_to(self.root)), None)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER_SECONDS)

    def _stop_loop(self) -> None:
        self._wait(self._settle())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _settle(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # A transport closes its socket one turn of the loop after it was told to.
        await asyncio.sleep(0)


async def _pour(source: asyncio.StreamReader | None, sink: asyncssh.SSHWriter[bytes]) -> None:
    assert source is not None
    while data := await source.read(CHUNK):
        sink.write(data)
        await sink.drain()


async def _feed(source: asyncssh.SSHReader[bytes], child: asyncio.subprocess.Process) -> None:
    sink = child.stdin
    assert sink is not None
    # git may end before its client does.
    with contextlib.suppress(ConnectionError, asyncssh.Error):
        while data := await source.read(CHUNK):
            sink.write(data)
            await sink.drain()
        sink.close()
