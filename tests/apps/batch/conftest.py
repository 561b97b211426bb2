"""A Ray cluster of two nodes, and an S3-like store, on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """Two nodes of Ray with a CPU each, which find the tests' modules."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'sightline[ray]'")
    patch = pytest.MonkeyPatch()
    patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    patch.setenv("RAY_worker_niceness", "0")  # Ray's workers are nice to others by 15; beside other tests they starve
    patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 100 << 20})
    try:
        made.add_node(num_cpus=1, object_store_memory=100 << 20)
        yield made
    finally:
        made.shutdown()
        patch.undo()


@pytest.fixture(scope="session")
def bucket() -> Iterator[str]:
    """The options of addresses in s3://films, a bucket of moto's server."""
    server = os.environ.get("MOTO_SERVER")  # one on the path may be of any age
    if server is None:
        pytest.skip("moto's server is not there: give its path in MOTO_SERVER (an environment of its own)")
    fs = pytest.importorskip("pyarrow.fs")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    patch = pytest.MonkeyPatch()
    patch.setenv("AWS_ACCESS_KEY_ID", "key")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    null = subprocess.DEVNULL
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen([server, "-H", "127.0.0.1", "-p", str(port)], stdout=null, stderr=null, env=env)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        options = f"?endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"
        store, _ = fs.FileSystem.from_uri(f"s3://films/{options}&allow_bucket_creation=true")
        store.create_dir("films")
        yield options
    finally:
        process.terminate()
        process.wait()
        patch.undo()
