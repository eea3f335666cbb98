"""Services to test: models, a server on a free port of the loopback, and clients."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import httpx2
import numpy as np
import uvicorn

import gatewise as gw
from gatewise import serving
from gatewise.serving.http.running import Server

FEATURES, UNITS = 3, 5
JSON = {"content-type": "application/json"}
RAW = {"content-type": "application/octet-stream"}
NPY = {"content-type": "application/x-npy"}
NPZ = {"content-type": "application/x-npz"}


def a_model(seed=0):
    """LSTM and Dense on 3 features, with 2 outputs a step."""
    gw.keras.utils.set_random_seed(seed)
    layers = [gw.layers.LSTM(UNITS, return_sequences=True), gw.layers.Dense(2, name="score")]
    return gw.Sequential([gw.Input((None, FEATURES), name="x"), *layers])


def rows(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, FEATURES)).astype("float32")


@contextlib.contextmanager
def running(model, **settings):
    """A service under uvicorn, in a thread; gives its address and the application."""
    app = serving.app(model, **settings)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=2, loop="asyncio")
        server = Server(config, app.state.service.settings.timeout)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", app
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


@contextlib.contextmanager
def client(model, **settings):
    """A client of a service that runs with it, without a socket."""
    from starlette.testclient import TestClient

    with TestClient(serving.app(model, **settings), raise_server_exceptions=False) as talks:
        yield talks


def push(talks, id_, x, **more):
    return talks.post(f"/streams/{id_}/push", json={"x": np.asarray(x).tolist(), **more})


def y_of(answer):
    assert answer.status_code == 200, answer.text
    return np.array(answer.json()["y"], "float32")


def code_of(answer, status):
    assert answer.status_code == status, answer.text
    return answer.json()["error"]["code"]


def waited_for(url, seconds=180.0):
    """Wait until a service answers."""
    stop = time.monotonic() + seconds
    while True:
        try:
            return httpx2.get(f"{url}/ready", timeout=5).json()
        except httpx2.TransportError:
            assert time.monotonic() < stop, "the service did not begin"
            time.sleep(0.05)
