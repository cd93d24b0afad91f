"""A Dask cluster of two worker processes on loopback, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from support.cli import merged_env

# In a process of its own: it starts threads and event loops that the tests' process must not have.
_PROGRAM = """
import json, sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None, silence_logs=50
    ) as cluster:
        pids = [worker.pid for worker in cluster.workers.values()]
        print(json.dumps([cluster.scheduler_address.removeprefix("tcp://"), pids]), flush=True)
        sys.stdin.read()
"""


@contextmanager
def dask_cluster(env: Mapping[str, str]) -> Iterator[tuple[str, list[int]]]:
    """Yield the value for ``--executor`` and the processes of the two workers, which have *env* on top of ours."""
    with _running(_PROGRAM, env) as line:
        address, pids = json.loads(line)
        yield f"dask://{address}", pids


@contextmanager
def dask_worker(where: str, env: Mapping[str, str]) -> Iterator[None]:
    """Have one more worker in the cluster at *where* for the block, with *env* on top of ours."""
    code = f"""
import sys
from distributed import Worker
import asyncio
async def main():
    async with Worker({where.replace("dask://", "tcp://")!r}, nthreads=1, host="127.0.0.1", dashboard=False) as worker:
        print(flush=True)
        await asyncio.to_thread(sys.stdin.read)
if __name__ == "__main__":
    asyncio.run(main())
"""
    with _running(code, env):
        yield


@contextmanager
def _running(code: str, env: Mapping[str, str]) -> Iterator[str]:
    """Run *code* for the block, with *env* on top of ours; yield the line by which it says that it is there."""
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        env=merged_env(env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    with child:
        assert child.stdout is not None
        try:
            yield child.stdout.readline()
        finally:
            # Its end of file ends it, its workers and their nannies.
            child.communicate(timeout=60)
