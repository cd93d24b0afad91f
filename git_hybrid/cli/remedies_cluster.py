"""The remedies of clusters, a part of the one table in :mod:`git_hybrid.cli.remedies`."""

from __future__ import annotations

from collections.abc import Mapping

from git_hybrid.cli.remedy import Remedy

CLUSTER: Mapping[str, Remedy] = {
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
