"""Which machines train together, by `TF_CONFIG`; read before the seconds that TensorFlow takes to load.

TF_CONFIG='{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}'
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from storage.errors import UserError

VARIABLE = "TF_CONFIG"
EXAMPLE = '{"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", "index": 0}}'
JOBS = ("chief", "worker")  # those that train, the chief first


class ClusterError(UserError):
    """`TF_CONFIG` names no cluster; the message says what was expected."""


@dataclass(frozen=True)
class Cluster:
    """The workers of a run, and which of them this process is."""

    workers: tuple[str, ...]  # as host:port, the chief first
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run's files."""
        return self.index == 0


ALONE = Cluster(("this process",), 0)


def read_cluster(environment: Mapping[str, str]) -> Cluster:
    """Read the cluster of `TF_CONFIG`.

    Raises:
        ClusterError: the variable is missing, or names no cluster that this process is part of.
    """
    text = environment.get(VARIABLE)
    if not text:
        raise ClusterError(f"--distribute multi_worker needs the environment variable {VARIABLE}, such as {EXAMPLE}")
    try:
        config = json.loads(text)
        jobs, task = config["cluster"], config["task"]
        kind, index = task["type"], task["index"]
        addresses = {job: list(jobs[job]) for job in JOBS if job in jobs}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ClusterError(f"expected {VARIABLE} to be like {EXAMPLE}. Received {text!r}") from error
    workers = [(job, number) for job in addresses for number in range(len(addresses[job]))]
    named = [address for of_job in addresses.values() for address in of_job]
    if not named or not all(isinstance(name, str) and _is_address(name) for name in named):
        raise ClusterError(f"expected {VARIABLE} to name workers as HOST:PORT. Received {named}")
    if len(set(named)) < len(named):
        raise ClusterError(f"expected {VARIABLE} to name each worker once. Received {named}")
    if isinstance(index, bool) or not isinstance(index, int) or (kind, index) not in workers:
        raise ClusterError(f"expected the task in {VARIABLE} to be one of its workers. Received {task}")
    return Cluster(tuple(named), workers.index((kind, index)))


def _is_address(name: str) -> bool:
    host, _, port = name.rpartition(":")
    return bool(host) and port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16
