"""Forecast the yearly number of sunspots: an LSTM beside a naive forecast, a seasonal one, and an autoregression.

All are fitted on the years before 1955 and asked for each of the years 1955 to 2008: first one year ahead, then eleven
years ahead, a whole cycle, fed with their own forecasts. The order of the autoregression is Akaike's choice; the LSTM's
window and epochs did best on the years 1905 to 1954 after training on those before. Spots are counted, and what is
counted varies with its square root: all work on square roots.
"""

import numpy as np
import shared

import gatewise as keras

FIRST = 1955  # the first year that no model has seen
CYCLE = 11  # years, about
ORDERS = range(1, 13)
WINDOW, UNITS, EPOCHS, SEEDS = 11, 16, 150, range(5)


def sunspots():
    """The years, and the mean number of spots in each."""
    years, spots = np.loadtxt(shared.DATA / "sunspots.csv", delimiter=",", skiprows=1, unpack=True)
    return years.astype(int), spots


def windows(series, size):
    """What came before (N, size), and what came then (N,)."""
    rows = np.lib.stride_tricks.sliding_window_view(series, size + 1)
    return rows[:, :-1], rows[:, -1]


# A forecast is a function: what came before, at least one cycle (N, T), to what comes next (N,); all as square roots.


def naive(past):
    """As last year."""
    return past[:, -1]


def seasonal(past):
    """As one cycle before."""
    return past[:, -CYCLE]


def autoregression(series, order):
    """The weights of the last years that fit best, by least squares."""
    past, then = windows(series, order)
    weights, *_ = np.linalg.lstsq(np.c_[past, np.ones(len(past))], then, rcond=None)
    return lambda past: past[:, -order:] @ weights[:-1] + weights[-1]


def best_order(series):
    """The order that Akaike's criterion prefers: 9 for these years, as in the literature."""
    past, then = windows(series, max(ORDERS))

    def criterion(order):
        residuals = then - autoregression(series, order)(past)
        return len(then) * np.log(np.mean(residuals**2)) + 2 * (order + 1)

    return min(ORDERS, key=criterion)


def lstm(series, seeds, epochs):
    """The mean forecast of several small LSTMs, which differ in the seed alone."""
    mean, scale = series.mean(), series.std()
    past, then = windows((series - mean) / scale, WINDOW)
    models = []
    for seed in shared.progress(seeds, "Training"):
        keras.utils.set_random_seed(seed)
        model = keras.Sequential([keras.Input((WINDOW, 1)), keras.layers.LSTM(UNITS), keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(0.005), "mse")
        model.fit(past[..., None], then, epochs=epochs, verbose=0)
        models.append(model)

    def forecast(past):
        x = ((past[:, -WINDOW:] - mean) / scale)[..., None]
        return np.mean([model.predict(x, verbose=0)[:, 0] for model in models], axis=0) * scale + mean

    return forecast


def ahead(forecast, past, years):
    """Forecasts of so many years after each past (N, T), each made from those before it: (N, years)."""
    for _ in range(years):
        past = np.c_[past, np.maximum(forecast(past), 0)]
    return past[:, -years:]


def rmse(said, was):
    """The root of the mean squared error, in spots, of square roots."""
    return float(np.sqrt(np.mean((np.maximum(said, 0) ** 2 - was**2) ** 2)))


def draw(folder, years, roots, said, errors):
    figure = shared.figure(9, 4.6)
    if figure is None:
        return
    axes = figure.subplots()
    held_out = years >= FIRST
    axes.plot(years[held_out], roots[held_out] ** 2, color="black", linewidth=2.2, label="observed")
    styles = {"autoregression": ("#d95f02", "--"), "LSTM": ("#1f6fb4", "-")}
    for name, (color, line) in styles.items():
        label = f"{name}, one year ahead (error {errors[name][0]:.1f})"
        axes.plot(years[held_out], np.maximum(said[name], 0) ** 2, color=color, linestyle=line, label=label)
    axes.set(xlabel="year", ylabel="sunspots, mean of the year", xlim=(FIRST, years[-1]), ylim=(0, 260))
    axes.set_title(f"Years that no model has seen; a naive forecast's error is {errors['naive'][0]:.1f}", loc="left")
    axes.legend(frameon=False, loc="upper center", ncols=3)
    shared.plain(axes)
    shared.save(figure, folder, "forecast.png")


def main():
    arguments = shared.arguments(__doc__.splitlines()[0])
    shared.compile_once()
    years, spots = sunspots()
    roots = np.sqrt(spots)
    seen = roots[years < FIRST]
    order = best_order(seen)
    seeds, epochs = (SEEDS[:1], 20) if arguments.quick else (SEEDS, EPOCHS)
    forecasts = {
        "naive": naive,
        "seasonal naive": seasonal,
        "autoregression": autoregression(seen, order),
        "LSTM": lstm(seen, seeds, epochs),
    }
    past, then = windows(roots, max(WINDOW, *ORDERS))
    later = np.flatnonzero(years >= FIRST) - (len(roots) - len(then))
    starts = later[: len(later) - CYCLE + 1]
    cycles = np.lib.stride_tricks.sliding_window_view(then, CYCLE)[starts]

    print(f"Sunspots {years[0]} to {years[-1]}; fitted before {FIRST}, asked for {len(later)} years from then on.")
    print(f"Autoregression of order {order}; LSTM: {len(seeds)} of {UNITS} units, their mean.")
    print("Root mean squared error, spots")
    print(f"{'':16}{'1 year ahead':>14}{f'1 to {CYCLE} ahead':>16}")
    said, errors = {}, {}
    for name, forecast in forecasts.items():
        said[name] = forecast(past[later])
        errors[name] = rmse(said[name], then[later]), rmse(ahead(forecast, past[starts], CYCLE), cycles)
        print(f"{name:16}{errors[name][0]:14.1f}{errors[name][1]:16.1f}")
    draw(arguments.pictures, years, roots, said, errors)


if __name__ == "__main__":
    main()
