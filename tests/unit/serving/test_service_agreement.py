"""Many clients at once, each doing anything at any time: nobody sees another's state, and nothing is made twice."""

from __future__ import annotations

import asyncio
import contextlib

import httpx2
import numpy as np
import pytest
from services import FEATURES, RAW, a_model, running
from websockets.asyncio.client import connect

CLIENTS, STEPS = 16, 20


class Client:
    """Pushes streams of its own through a service, beside single streams of the same model.

    It draws what it does: a step or several, as JSON or as bytes; many streams at once; a reset; an end; a state saved
    and restored; and pushes that it breaks off and sends again.
    """

    def __init__(self, number, model, talks):
        self.rng = np.random.default_rng(number)
        self.talks = talks
        self.model = model
        self.single = {f"{number}/{k}" if k else number: model.stream() for k in range(3)}
        self.numbers = dict.fromkeys(self.single, 0)
        self.saved = {}

    async def do_anything(self):
        for _ in range(STEPS):
            ids = list(self.single)
            id_ = ids[self.rng.integers(len(ids))]
            what = self.rng.choice(
                [
                    self.push,
                    self.push_raw,
                    self.push_many,
                    self.broken_off,
                    self.reset,
                    self.end,
                    self.save,
                    self.restore,
                ],
                p=[0.3, 0.2, 0.15, 0.15, 0.05, 0.05, 0.05, 0.05],
            )
            await what(id_)

    def rows(self, count):
        return self.rng.normal(size=(count, FEATURES)).astype("float32")

    def same(self, got, wanted):
        np.testing.assert_allclose(got, wanted, atol=2e-6)

    @staticmethod
    def url(id_):
        return f"/streams/{str(id_).replace('/', '%2F')}"

    async def push(self, id_):
        x = self.rows(self.rng.integers(1, 4))
        self.numbers[id_] += 1
        answer = await self.talks.post(f"{self.url(id_)}/push", json={"x": x.tolist(), "sequence": self.numbers[id_]})
        self.same(answer.json()["y"], self.single[id_].push_many(x))

    async def push_raw(self, id_):
        x = self.rows(1)
        answer = await self.talks.post(f"{self.url(id_)}/push", content=x.tobytes(), headers=RAW)
        self.same(np.frombuffer(answer.content, "<f4"), self.single[id_].push(x[0]))

    async def push_many(self, _):
        ids = [list(self.single)[k] for k in self.rng.integers(3, size=5)]
        x = self.rows(5)
        answer = await self.talks.post("/push", json={"ids": ids, "x": x.tolist()})
        self.same(answer.json()["y"], [self.single[id_].push(row) for id_, row in zip(ids, x, strict=True)])

    async def broken_off(self, id_):
        """A numbered push whose answer is not waited for, and then the same until there is an answer."""
        x = self.rows(2)
        self.numbers[id_] += 1
        body = {"x": x.tolist(), "sequence": self.numbers[id_]}
        for patience in (self.rng.uniform(0, 0.02), self.rng.uniform(0, 0.04)):
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.talks.post(f"{self.url(id_)}/push", json=body), patience)
        answer = await self.talks.post(f"{self.url(id_)}/push", json=body)
        self.same(answer.json()["y"], self.single[id_].push_many(x))

    async def reset(self, id_):
        assert (await self.talks.post(f"{self.url(id_)}/reset")).status_code in (204, 404)
        self.single[id_].reset()
        self.numbers[id_] = 0

    async def end(self, id_):
        answer = await self.talks.delete(self.url(id_))
        assert answer.status_code in (204, 404)  # It may not have begun yet.
        self.single[id_].reset()
        self.numbers[id_] = 0

    async def save(self, id_):
        await self.talks.put(self.url(id_))
        answer = await self.talks.get(f"{self.url(id_)}/state")
        self.saved[id_] = answer.content, self.single[id_].save(), int(answer.headers["gatewise-sequence"])

    async def restore(self, id_):
        if id_ not in self.saved:
            return
        data, single, number = self.saved[id_]
        answer = await self.talks.put(f"{self.url(id_)}/state?sequence={number}", content=data, headers=RAW)
        assert answer.status_code == 204
        self.single[id_].restore(single)
        self.numbers[id_] = number


@pytest.mark.parametrize("max_wait", [0, "2ms"])
def test_random_operations_of_many_clients_agree_with_single_streams(max_wait, tmp_path):
    model = a_model()

    async def main(url, app):
        limits = httpx2.Limits(max_connections=CLIENTS)
        async with httpx2.AsyncClient(base_url=url, limits=limits, timeout=30) as talks:
            clients = [Client(number, model, talks) for number in range(CLIENTS)]

            async def snapshots():
                while True:
                    assert (await talks.post("/snapshot")).status_code == 200
                    await asyncio.sleep(0.1)

            beside = asyncio.create_task(snapshots())
            await asyncio.gather(*(each.do_anything() for each in clients))
            beside.cancel()
        return app.state.service.streams.moved

    snapshot = str(tmp_path / "streams.gw")
    with running(model, new="add", max_wait=max_wait, max_batch=7, snapshot=snapshot) as (url, app):
        moved = asyncio.run(main(url, app))
    assert moved > CLIENTS * STEPS / 2


def test_streams_over_websockets_agree_with_single_streams_and_answers_keep_their_order():
    model = a_model()

    async def talk(url, number):
        rng = np.random.default_rng(number)
        x = rng.normal(size=(100, FEATURES)).astype("float32")
        wanted = model.stream().push_many(x)
        async with connect(f"{url}/streams/{number}?new=add", compression=None) as socket:
            sent = 0
            got = []
            while len(got) < len(x):
                ahead = rng.integers(1, 20)
                while sent < min(len(x), len(got) + ahead):
                    await socket.send(x[sent].tobytes())
                    sent += 1
                got.append(np.frombuffer(await socket.recv(), "<f4"))
        np.testing.assert_allclose(got, wanted, atol=2e-6)

    async def main(url):
        await asyncio.gather(*(talk(url, number) for number in range(12)))

    with running(model) as (url, app):
        asyncio.run(main(url.replace("http", "ws")))
        assert app.state.service.streams.moved == 1200
