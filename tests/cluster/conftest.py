"""A Redis and a Ray of our own, on this machine alone; both end with the tests."""

from __future__ import annotations

import socket
import subprocess
import time

import pytest
import ray
import redis


def pytest_configure(config):
    # Ray's data warn of settings of their own, which their own code reads.
    config.addinivalue_line("filterwarnings", "ignore:`\\w+` is deprecated")
    config.addinivalue_line("filterwarnings", "ignore:The minimum number of concurrent actors")


@pytest.fixture(scope="session")
def url(tmp_path_factory):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    server = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes"],
        stdout=subprocess.DEVNULL,
    )
    try:
        client = redis.Redis(port=port)
        for _ in range(1200):
            try:
                client.ping()
                break
            except redis.ConnectionError:
                time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="session")
def local_ray():
    for tries_left in reversed(range(5)):  # A busy machine may take longer to start it than Ray waits.
        try:
            ray.init(num_cpus=8, include_dashboard=False, log_to_driver=False, object_store_memory=200 * 2**20)
            break
        except Exception:
            ray.shutdown()
            if not tries_left:
                raise
    yield
    ray.shutdown()
