"""Say which of nine men spoke two vowels: an LSTM on sequences of unequal lengths, five seeds, beside the real Keras.

The utterances have 7 to 29 frames. `fit` and `predict` take them as they are, in a list.
"""

import numpy as np
import shared

import gatewise as keras

SEEDS = range(5)
BATCH, EPOCHS = 16, 30


def utterances():
    """A list of sequences (T, 12) and the speakers (N,), from 0: of training, and of testing."""
    with np.load(shared.DATA / "japanese_vowels.npz") as data:
        frames = (data["coefficients"] * 1e-6).astype("float32")
        ends = np.cumsum(data["lengths"], dtype=int)
        speakers = data["speakers"].astype("int32") - 1
    x = np.split(frames, ends[:-1])
    return (x[:270], speakers[:270]), (x[270:], speakers[270:])


def build(*first):
    """The model; `first` are layers before it, such as the Masking that padded sequences need."""
    model = keras.Sequential(
        [
            keras.Input((None, 12)),
            *first,
            keras.layers.Bidirectional(keras.layers.LSTM(32)),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(9, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def draw(folder, confusion, ours, theirs):
    figure = shared.figure(10, 4.6)
    if figure is None:
        return
    left, right = figure.subplots(1, 2, width_ratios=[1.15, 1])
    shares = 100 * confusion / confusion.sum(1, keepdims=True)
    image = left.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    for row, column in np.argwhere(shares > 0):
        dark = shares[row, column] > 50
        words = f"{shares[row, column]:.0f}" if shares[row, column] >= 1 else "<1"
        left.text(column, row, words, ha="center", va="center", color="white" if dark else "black", fontsize=9)
    left.set(xlabel="speaker heard", ylabel="speaker", xticks=range(9), yticks=range(9))
    left.set_xticklabels(range(1, 10))
    left.set_yticklabels(range(1, 10))
    left.set_title(f"Test utterances, {len(ours)} seeds: % of each speaker's", loc="left", fontsize=11)
    figure.colorbar(image, ax=left, label="%", shrink=0.85)

    for place, (found, color) in enumerate(((ours, "#1f6fb4"), (theirs, "#d95f02"))):
        percent = 100 * np.array(found)
        right.scatter(np.full(len(found), place) + 0.05, percent, color=color, zorder=3)
        right.hlines(percent.mean(), place - 0.25, place + 0.25, color=color, linewidth=2)
        right.text(place - 0.28, percent.mean(), f"{percent.mean():.1f}", ha="right", va="center", color=color)
    right.set(xticks=[0, 1], xlim=(-0.75, 1.5), ylabel="accuracy on the test set, %")
    right.set_xticklabels(["Gatewise", "Keras"])
    right.set_title("A dot a seed; the lines are means", loc="left", fontsize=11)
    shared.plain(right)
    shared.save(figure, folder, "classify.png")


def main():
    arguments = shared.arguments(__doc__.splitlines()[0])
    shared.compile_once()
    (x, speakers), (x_test, speakers_test) = utterances()
    seeds, epochs = (SEEDS[:1], 8) if arguments.quick else (SEEDS, EPOCHS)
    found = []
    confusion = np.zeros((9, 9), int)
    for seed in shared.progress(seeds, "Training"):
        keras.utils.set_random_seed(seed)
        model = build()
        model.fit(x, speakers, batch_size=BATCH, epochs=epochs, verbose=0)
        heard = model.predict(x_test, verbose=0).argmax(1)
        found.append(float(np.mean(heard == speakers_test)))
        np.add.at(confusion, (speakers_test, heard), 1)

    theirs = shared.keras_reached("classify")
    print(f"Speakers of {len(x_test)} utterances, after {epochs} epochs on {len(x)} others; chance is 11%.")
    print(f"Accuracy, mean of {len(found)} seeds: {np.mean(found):.2%}, from {min(found):.2%} to {max(found):.2%}")
    accuracy = theirs["accuracy"]
    print(
        f"Keras {theirs['keras']}, {theirs['epochs']} epochs, mean of {len(accuracy)}: {np.mean(accuracy):.2%}, "
        f"from {min(accuracy):.2%} to {max(accuracy):.2%}"
    )
    draw(arguments.pictures, confusion, found, accuracy)


if __name__ == "__main__":
    main()
