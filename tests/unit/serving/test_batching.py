"""Pushes made together: in order, at once or within the wait, and each with its own answer."""

from __future__ import annotations

import asyncio
import threading

import pytest

from gatewise.serving.batching import Batcher, ClosedError, FullError, LateError


class Recorder:
    """Makes pushes: keeps the batches, and answers a number with its double."""

    def __init__(self):
        self.batches = []
        self.free = threading.Event()
        self.free.set()

    def __call__(self, items):
        self.batches.append(list(items))
        assert self.free.wait(10)
        return [ValueError(str(item)) if item < 0 else 2 * item for item in items]


def test_what_comes_together_is_made_together_and_each_has_its_own_answer():
    async def main():
        made = Recorder()
        batcher = Batcher(made)
        answers = await asyncio.gather(*(batcher.push(k, 1) for k in (3, -1, 5)), return_exceptions=True)
        assert made.batches == [[3, -1, 5]]
        assert answers[0] == 6
        assert answers[2] == 10
        assert str(answers[1]) == "-1"
        await batcher.close()

    asyncio.run(main())


def test_what_comes_while_a_batch_is_under_way_is_the_next_in_order_and_of_bounded_size():
    async def main():
        made = Recorder()
        made.free.clear()
        batcher = Batcher(made, max_rows=4)
        pushes = [asyncio.create_task(batcher.push(0, 1))]
        while not made.batches:
            await asyncio.sleep(0.001)
        pushes += [asyncio.create_task(batcher.push(k, 1)) for k in range(1, 10)]
        pushes.append(asyncio.create_task(batcher.push(10, 9)))  # More than a batch, so one alone.
        await asyncio.sleep(0)
        assert batcher.waiting == 18
        made.free.set()
        assert await asyncio.gather(*pushes) == [2 * k for k in range(11)]
        assert made.batches == [[0], [1, 2, 3, 4], [5, 6, 7, 8], [9], [10]]
        assert batcher.waiting == 0
        await batcher.close()

    asyncio.run(main())


def test_the_first_waits_for_others_no_longer_than_it_was_told():
    async def main():
        made = Recorder()
        batcher = Batcher(made, max_wait=0.2, max_rows=3)
        loop = asyncio.get_running_loop()
        begin = loop.time()
        first = asyncio.create_task(batcher.push(1, 1))
        await asyncio.sleep(0.02)
        assert await batcher.push(2, 1) == 4
        assert await first == 2
        assert loop.time() - begin > 0.19
        assert made.batches == [[1, 2]]
        await batcher.close()
        for_ever = Batcher(made, max_wait=3600, max_rows=3)
        enough = asyncio.gather(*(for_ever.push(k, 1) for k in range(3)))  # As many as are wanted: nobody waits.
        assert await asyncio.wait_for(enough, 60) == [0, 2, 4]
        await for_ever.close()

    asyncio.run(main())


def test_other_work_takes_its_turn_between_the_pushes():
    async def main():
        made = Recorder()
        made.free.clear()
        batcher = Batcher(made)
        begun = asyncio.create_task(batcher.push(0, 1))
        while not made.batches:
            await asyncio.sleep(0.001)
        seen = []
        tasks = [
            asyncio.create_task(batcher.push(1, 1)),
            asyncio.create_task(batcher.run(lambda: seen.append(len(made.batches)))),
            asyncio.create_task(batcher.push(2, 1)),
        ]
        await asyncio.sleep(0)
        made.free.set()
        await asyncio.gather(begun, *tasks)
        assert made.batches == [[0], [1], [2]]
        assert seen == [2]
        with pytest.raises(ZeroDivisionError):
            await batcher.run(lambda: 1 // 0)
        await batcher.close()

    asyncio.run(main())


def test_who_is_cancelled_or_late_before_his_turn_has_done_nothing_and_after_it_all():
    async def main():
        made = Recorder()
        made.free.clear()
        batcher = Batcher(made, patience=0.5)
        begun = asyncio.create_task(batcher.push(0, 1))
        while not made.batches:
            await asyncio.sleep(0.001)
        cancelled = asyncio.create_task(batcher.push(1, 1))
        late = asyncio.create_task(batcher.push(2, 1))
        await asyncio.sleep(0.05)
        cancelled.cancel()
        begun.cancel()
        with pytest.raises(LateError):
            await late
        patient = asyncio.create_task(batcher.push(3, 1))
        made.free.set()
        assert await patient == 6
        assert made.batches == [[0], [3]]
        await batcher.close()

    asyncio.run(main())


def test_more_than_may_wait_is_refused_and_nothing_after_the_close():
    async def main():
        made = Recorder()
        made.free.clear()
        batcher = Batcher(made, max_waiting=2)
        pushes = [asyncio.create_task(batcher.push(0, 1))]
        while not made.batches:
            await asyncio.sleep(0.001)
        pushes += [asyncio.create_task(batcher.push(k, 1)) for k in (1, 2)]
        await asyncio.sleep(0)
        with pytest.raises(FullError, match="2 rows wait already, and at most 2"):
            await batcher.push(3, 1)
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0)
        with pytest.raises(ClosedError):
            await batcher.push(4, 1)
        made.free.set()
        await closing
        assert await asyncio.gather(*pushes) == [0, 2, 4]  # What was taken is made.

    asyncio.run(main())


def test_many_small_batches_follow_each_other_without_end_to_the_stack():
    async def main():
        made = Recorder()
        batcher = Batcher(made, max_rows=1)
        assert await asyncio.gather(*(batcher.push(k, 1) for k in range(3000))) == [2 * k for k in range(3000)]
        assert made.batches == [[k] for k in range(3000)]
        await batcher.close()

    asyncio.run(main())


def test_after_a_refusal_of_pushes_other_work_is_still_done():
    async def main():
        made = Recorder()
        batcher = Batcher(made)
        taken = asyncio.create_task(batcher.push(1, 1))
        await asyncio.sleep(0)
        batcher.refuse()
        with pytest.raises(ClosedError):
            await batcher.push(2, 1)
        assert await batcher.run(lambda: list(made.batches)) == [[1]]
        assert await taken == 2
        await batcher.close()

    asyncio.run(main())


def test_a_mistake_of_the_whole_batch_is_everybodys_answer():
    async def main():
        def broken(items):
            raise RuntimeError(f"{len(items)} of them")

        batcher = Batcher(broken)
        answers = await asyncio.gather(*(batcher.push(k, 1) for k in range(2)), return_exceptions=True)
        assert [str(answer) for answer in answers] == ["2 of them"] * 2
        await batcher.close()

    asyncio.run(main())
