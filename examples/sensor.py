"""The whole way with one model: train, evaluate, save, reload, and watch two hundred machines live.

The machines are simulated, so that it is known when each begins to wear out. Three sensors are read at every step:
vibration, temperature and load. Wear raises vibration for the load that there is; load alone raises it too, so that a
threshold on vibration is not enough. The model says at every step how likely it is that a machine has begun to wear.
"""

import tempfile
from pathlib import Path

import numpy as np
import shared

import gatewise as keras

STEPS, EPOCHS = 120, 12
ALARM = 0.5


def machines(count, seed):
    """Readings (B, T, 3), and whether wear has begun (B, T, 1); a half of the machines stays well."""
    random = np.random.default_rng(seed)
    time = np.arange(STEPS)
    periods, phases = random.uniform(20, 60, (2, count, 1))
    load = 1 + 0.5 * np.sin(2 * np.pi * (time + phases) / periods) + 0.1 * random.normal(size=(count, STEPS))
    begins = np.where(random.random(count) < 0.5, random.integers(30, 90, count), STEPS)[:, None]
    wear = np.maximum(time - begins + 1, 0) / 40
    vibration = load * (1 + wear) + 0.25 * random.normal(size=load.shape)
    temperature = load + 0.5 * wear + 0.5 * random.normal(size=load.shape)
    readings = np.stack([vibration, temperature, load], axis=-1) - 1
    return readings.astype("float32"), (time >= begins)[..., None].astype("float32")


def build():
    model = keras.Sequential(
        [
            keras.Input((None, 3)),
            keras.layers.GRU(24, return_sequences=True, name="memory"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    return model


def best_threshold(readings, worn):
    """The accuracy of an alarm on vibration over load, with the threshold that is best on these very machines."""
    ratio = (readings[..., 0] + 1) / np.maximum(readings[..., 2] + 1, 0.1)
    smooth = np.stack([ratio[:, max(0, t - 9) : t + 1].mean(1) for t in range(STEPS)], axis=1)
    return max(float(np.mean((smooth > limit) == worn[..., 0])) for limit in np.linspace(0.8, 2, 61))


def watched(pool, names, readings, steps):
    """Push the machines' readings as they come, all of one moment in one call: the scores (B, T)."""
    return np.stack([pool.push(names, readings[:, t])[:, 0] for t in steps], axis=1)


def delays(scores, worn):
    """The steps from the beginning of wear to the alarm, for the machines that wear and raise one after it."""
    found = []
    for said, truth in zip(scores > ALARM, worn[..., 0] > 0, strict=True):
        begins = np.flatnonzero(truth)
        alarms = np.flatnonzero(said & truth)
        if len(begins) and len(alarms):
            found.append(int(alarms[0] - begins[0]))
    return found


def draw(folder, readings, worn, scores, stopped):
    figure = shared.figure(9, 5.4)
    if figure is None:
        return
    machine = int(np.argmin(np.abs(worn[:, :, 0].sum(1) - 45)))  # It wears some time after the snapshot.
    begins = int(np.argmax(worn[machine, :, 0]))
    above, below = figure.subplots(2, 1, sharex=True)
    for column, (name, color) in enumerate((("vibration", "#1f6fb4"), ("temperature", "#bbbbbb"), ("load", "#d95f02"))):
        order = 1 if name == "temperature" else 2
        above.plot(readings[machine, :, column], color=color, label=name, linewidth=1.3, zorder=order)
    above.set(ylabel="reading, scaled")
    above.legend(frameon=False, loc="upper left", ncols=3)
    above.set_title(f"Machine {machine}, as its readings come", loc="left", fontsize=11)
    below.plot(scores[machine], color="black", linewidth=1.6)
    below.axhline(ALARM, color="#888888", linestyle=":", linewidth=1)
    below.text(1, ALARM + 0.03, "alarm", color="#666666")
    below.set(xlabel="step", ylabel="said: wear has begun", xlim=(0, STEPS - 1), ylim=(-0.03, 1.08))
    for axes in (above, below):
        axes.axvspan(begins, STEPS, color="#d95f02", alpha=0.1, linewidth=0)
        axes.axvline(stopped, color="#2a9d5c", linestyle="--", linewidth=1)
        shared.plain(axes)
    below.text(STEPS - 2, 0.03, "wear has begun", ha="right")
    below.text(stopped - 1, 0.75, "saved, and restored\nin another pool", color="#2a9d5c", ha="right")
    shared.save(figure, folder, "sensor.png")


def main():
    arguments = shared.arguments(__doc__.splitlines()[0])
    x, y = machines(100 if arguments.quick else 600, seed=1)
    x_test, y_test = machines(200, seed=2)

    # Train and evaluate.
    keras.utils.set_random_seed(0)
    model = build()
    verbose = "auto" if shared.is_terminal() else 0
    model.fit(x, y, epochs=EPOCHS, validation_split=0.1, verbose=verbose)
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"Right at {accuracy:.1%} of all steps of {len(x_test)} new machines (loss {loss:.3f});")
    print(f"the best threshold on vibration over load: {best_threshold(x_test, y_test):.1%}")

    with tempfile.TemporaryDirectory() as folder:
        # Save, and reload: the same bits. The file is one that the real Keras 3 loads too.
        path = Path(folder) / "wear.keras"
        model.save(path)
        loaded = keras.models.load_model(path)
        same = np.array_equal(loaded.predict(x_test, verbose=0), model.predict(x_test, verbose=0))
        print(f"Saved {path.name}, {path.stat().st_size:,} bytes; reloaded, it says the same bits: {same}")

        # Stream: a pool has a state for each machine. Half way it is saved, and another pool goes on.
        names = 1000 + np.arange(len(x_test))
        pool = loaded.stream_pool(capacity=len(names))
        pool.add(names)
        half = STEPS // 2
        first = watched(pool, names, x_test, range(half))
        pool.snapshot(Path(folder) / "machines")
        later = loaded.stream_pool(capacity=len(names))
        later.restore(Path(folder) / "machines")
        scores = np.concatenate([first, watched(later, names, x_test, range(half, STEPS))], axis=1)
        onwards = watched(pool, names, x_test, range(half, STEPS))
        print(f"Snapshot at step {half}: the other pool goes on with the same bits: ", end="")
        print(np.array_equal(scores[:, half:], onwards))

    whole = model.predict(x_test, verbose=0)[..., 0]
    print(f"Step by step as at once, to {np.abs(scores - whole).max():.0e}")
    found = delays(scores, y_test)
    wears = y_test[:, -1, 0] > 0
    false = int((scores[~wears] > ALARM).any(1).sum())
    median = f"{np.median(found):.0f} steps"
    print(f"Alarms for {len(found)} of {wears.sum()} machines that wore, half of them within {median};")
    print(f"at some step for {false} of {(~wears).sum()} that stayed well")
    draw(arguments.pictures, x_test, y_test, scores, half)


if __name__ == "__main__":
    main()
