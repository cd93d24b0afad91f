"""A longer wire: `python3 -m bench.delay PORT SECONDS` forwards TCP to that port as if it were far away.

Every byte arrives half of SECONDS (a round trip) later, in each direction, and as a real client could not have sent
anything before its connection was there, the bytes of the first round trip are late by one more. So TCP's and TLS's
handshakes cost what they cost on such a line; bandwidth is not limited.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Final

from bench.sandbox import end_with_parent

_CHUNK: Final = 1 << 16
_QUEUED: Final = 1024


async def serve(port: int, round_trip: float) -> None:
    """Print the port that is listened at, then forward until cancelled."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        opened = loop.time() + round_trip
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(
            _forward(reader, far_writer, half=round_trip / 2, opened=opened),
            _forward(far_reader, writer, half=round_trip / 2, opened=opened),
        )

    server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, half: float, opened: float) -> None:
    loop = asyncio.get_running_loop()
    line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_QUEUED)

    async def read() -> None:
        data = b"first"
        while data:
            with contextlib.suppress(ConnectionError):
                data = await reader.read(_CHUNK)
            await line.put((max(loop.time(), opened) + half, data))

    async def write() -> None:
        while True:
            due, data = await line.get()
            if (left := due - loop.time()) > 0:
                await asyncio.sleep(left)
            if not data:
                break
            writer.write(data)
            await writer.drain()
        writer.close()

    with contextlib.suppress(ConnectionError):
        await asyncio.gather(read(), write())


if __name__ == "__main__":
    end_with_parent()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
