"""A plant of 100,000 sensors, each watched by an LSTM with a memory of its own for it, in one pool.

The plant is simulated, so that it is known which sensors go wrong, how and when. The LSTM learns from healthy sensors
alone to say the next reading; where it keeps being more wrong, or less, than on them, there is an alarm. Nothing of
what goes wrong is learnt.

`--ray 2` runs the same on two actors of Ray: one line of the program is another.
"""

import tempfile
import time

import numpy as np
import shared

import gatewise as keras

SENSORS, TICKS, EPOCHS = 100_000, 150, 6
WARM = 30  # Ticks until a sensor is known well enough to be judged.
KINDS = ("drift", "stuck", "shaking", "spikes")
SICK = 0.01  # The share of sensors that go wrong, at some tick after the first 50.
FALSE = 1e-4  # The share of healthy sensors that may raise an alarm in the whole time.
MEMORY = 0.9  # How slowly the average error forgets.


class Plant:
    """Sensors that read a rhythm of their own, with noise that lasts; `sick` of them go wrong from a tick on."""

    def __init__(self, count, sick, seed):
        self.random = np.random.default_rng(seed)
        self.period = self.random.uniform(12, 40, count)
        self.size = self.random.uniform(0.6, 1.2, count)
        self.phase = self.random.uniform(0, 2 * np.pi, count)
        self.noise = np.zeros(count)
        self.last = np.zeros(count)
        self.kind = np.where(self.random.random(count) < sick, self.random.integers(0, len(KINDS), count), -1)
        self.begins = np.where(self.kind >= 0, self.random.integers(50, TICKS - 40, count), TICKS)
        self.tick = 0

    def read(self):
        """The next reading of every sensor (n, 1), and whether it has gone wrong by now."""
        wrong = self.tick >= self.begins
        kind = np.where(wrong, self.kind, -1)
        self.phase += 2 * np.pi / self.period
        self.noise = 0.7 * self.noise + self.random.normal(0, 0.05, len(self.noise)) * np.where(kind == 2, 4, 1)
        reading = self.size * np.sin(self.phase) + self.noise
        reading += np.where(kind == 0, 0.05 * (self.tick - self.begins), 0)
        reading += np.where((kind == 3) & (self.random.random(len(reading)) < 0.15), 0.6, 0)
        self.last = np.where(kind == 1, self.last, reading)
        self.tick += 1
        return self.last.astype("float32")[:, None], wrong


def build():
    model = keras.Sequential(
        [keras.Input((None, 1)), keras.layers.LSTM(16, return_sequences=True), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model


def train(model, count):
    """Fit on healthy sensors: from each reading, and all before it, the next."""
    plant = Plant(count, 0, seed=1)
    readings = np.stack([plant.read()[0] for _ in range(TICKS)], axis=1)
    verbose = "auto" if shared.is_terminal() else 0
    model.fit(readings[:, :-1], readings[:, 1:], epochs=EPOCHS, batch_size=64, verbose=verbose)


def watch(pool, plant, ticks=TICKS):
    """All readings of all sensors, as they come: how wrong the model keeps being (n, T), and the seconds of pushes."""
    ids = np.arange(len(plant.period))
    expected, average, wrongness, seconds = None, np.zeros(len(ids)), [], []
    for tick in range(ticks):
        readings, _ = plant.read()
        begin = time.perf_counter()
        outputs = pool.push(ids, readings, new="add")
        seconds.append(time.perf_counter() - begin)
        if expected is not None and tick >= WARM // 2:
            average = MEMORY * average + (1 - MEMORY) * np.abs(readings - expected)[:, 0]
        expected = outputs
        wrongness.append(average.astype("float32"))
    return np.stack(wrongness, axis=1), np.array(seconds)


def judge(wrongness, plant, limits):
    """Alarms against the truth: what was said, by sensor, and how many ticks after it began."""
    low, high = limits
    over = (wrongness[:, WARM:] > high) | (wrongness[:, WARM:] < low)
    alarmed = over.any(1)
    first = np.where(alarmed, WARM + over.argmax(1), TICKS)
    found = alarmed & (plant.kind >= 0) & (first >= plant.begins)
    sick = plant.kind >= 0
    print(f"{sick.sum():,} of {len(sick):,} sensors went wrong;")
    print(f"{alarmed.sum():,} raised an alarm, {found.sum():,} of them rightly:")
    print(f"precision {found.sum() / max(1, alarmed.sum()):.1%}, recall {found.sum() / sick.sum():.1%}")
    for number, name in enumerate(KINDS):
        these = plant.kind == number
        late = first[these & found] - plant.begins[these & found]
        median = f"half of them within {np.median(late):.0f} ticks" if len(late) else "none"
        print(f"  {name:<13} {found[these].mean() if these.any() else 0:6.1%} found, {median}")
    return first, found


def draw(folder, where, wrongness, plant, limits, found, seconds):
    figure = shared.figure(9, 3.6)
    if figure is None:
        return
    left, right = figure.subplots(1, 2)
    for number, name in enumerate(KINDS):
        these = np.flatnonzero(found & (plant.kind == number))
        if len(these):
            sensor = these[0]
            ticks = np.arange(TICKS) - plant.begins[sensor]
            left.plot(ticks[WARM:], wrongness[sensor, WARM:], label=name, linewidth=1.2)
    for limit in limits:
        left.axhline(limit, color="#888888", linestyle=":", linewidth=1)
    left.text(-48, limits[1] * 1.06, "alarm above", color="#666666", fontsize=8)
    left.text(-48, limits[0] * 0.94, "alarm below", color="#666666", fontsize=8, va="top")
    left.axvline(0, color="#bbbbbb", linewidth=1)
    left.set(xlabel="ticks since a sensor went wrong", ylabel="average error", xlim=(-50, 40), yscale="log")
    left.legend(frameon=False, fontsize=8)
    left.set_title("How wrong the model keeps being", loc="left", fontsize=11)
    milliseconds = seconds[1:] * 1e3
    right.plot(seconds * 1e3, ".", color="#1f6fb4", markersize=4)
    for share in (0.5, 0.99):
        value = np.quantile(milliseconds, share)
        right.axhline(value, color="#d95f02", linewidth=1)
        right.text(TICKS, value, f"p{share * 100:.0f}", color="#d95f02", ha="right", va="bottom")
    right.set(xlabel="tick", ylabel=f"ms for {len(plant.kind):,} sensors", ylim=(0, milliseconds.max() * 1.15))
    right.set_title(f"A push of all sensors, {where}", loc="left", fontsize=11)
    for axes in (left, right):
        shared.plain(axes)
    shared.save(figure, folder, "plant.png")


def main():
    arguments = shared.arguments(
        __doc__.splitlines()[0],
        sensors=(SENSORS, "how many sensors"),
        ray=(0, "on so many actors of Ray, and not in this process"),
    )
    count = min(arguments.sensors, 4000) if arguments.quick else arguments.sensors
    keras.utils.set_random_seed(0)
    model = build()
    begin = time.perf_counter()
    train(model, 300 if arguments.quick else 1000)
    print(f"Trained on healthy sensors in {time.perf_counter() - begin:.0f} s")

    # What healthy sensors do decides when there is an alarm; these are others than those that it learnt from.
    healthy = Plant(max(4000, count // 5), 0, seed=2)
    usual = watch(model.stream_pool(), healthy)[0][:, WARM:]
    limits = np.quantile(usual.min(1), FALSE / 2), np.quantile(usual.max(1), 1 - FALSE / 2)

    where = f"on {arguments.ray} actors of Ray" if arguments.ray else "in this process"
    plant = Plant(count, SICK, seed=3)
    with tempfile.TemporaryDirectory() as folder:
        pool = model.stream_pool(count)
        if arguments.ray:
            from gatewise.serving.cluster import ray_pool

            pool = ray_pool(model, folder, shards=arguments.ray)  # All that is another on many machines.
        wrongness, seconds = watch(pool, plant)
        if arguments.ray:
            pool.close()

    p50, p99 = np.quantile(seconds[1:], [0.5, 0.99])
    print(f"{count:,} sensors {where}: a tick takes {p50 * 1e3:.1f} ms (p50), {p99 * 1e3:.1f} ms (p99);")
    print(f"{count / p50:,.0f} readings a second")
    _, found = judge(wrongness, plant, limits)
    draw(arguments.pictures, where, wrongness, plant, limits, found, seconds)


if __name__ == "__main__":
    main()
