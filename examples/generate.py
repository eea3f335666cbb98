"""Learn to write from the help texts of Python: a character model, its loss beside Keras's, and what it writes.

The text is that of `help("topics")`, which comes with Python. The last tenth is held out. Text is drawn one character
at a time through `model.stream()`.
"""

import hashlib
import pydoc_data.topics

import numpy as np
import shared

import gatewise as keras

UNITS, LENGTH, BATCH, EPOCHS = 128, 100, 32, 4
BEGINNING = "The "


def python_help():
    """The text: the topics of `help`, one after the other."""
    return "\n".join(pydoc_data.topics.topics.values())


def fingerprint(text):
    """A short name for a text: each version of Python has another."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def cut(ids, length=LENGTH):
    """Pieces of the text (N, T), and the same one character later."""
    count = (len(ids) - 1) // length
    return ids[: count * length].reshape(count, length), ids[1 : count * length + 1].reshape(count, length)


def read(text):
    """The characters that occur, and the pieces of training and of testing."""
    characters = sorted(set(text))
    place = {character: k for k, character in enumerate(characters)}
    ids = np.array([place[character] for character in text], "int32")
    tenth = len(ids) // 10
    return characters, cut(ids[:-tenth]), cut(ids[-tenth:])


def build(characters):
    """The model: it gives the logits of the next character, for each character."""
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(characters, 32),
            keras.layers.LSTM(UNITS, return_sequences=True, name="memory"),
            keras.layers.Dense(characters),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.005), loss)
    return model


def written(model, characters, count, temperature=0.6, seed=0):
    """Text that the model writes, a push a character."""
    chance = np.random.default_rng(seed)
    stream = model.stream()
    text = BEGINNING
    for character in text:
        logits = stream.push(characters.index(character))
    for _ in range(count):
        drawn = np.argmax(logits / temperature + chance.gumbel(size=len(characters)))
        text += characters[drawn]
        logits = stream.push(drawn)
    return text


def draw(folder, model, characters, text, loss, theirs):
    figure = shared.figure(10, 6)
    if figure is None:
        return
    trace = model.trace(np.array([[characters.index(c) for c in text]], "int32"))["memory"]
    above, below = figure.subfigures(2, 1, height_ratios=[1, 1.15])
    left, right = above.subplots(1, 2)
    for name, values, color in (("training", loss["loss"], "#888888"), ("held out", loss["val_loss"], "#1f6fb4")):
        left.plot(range(1, len(values) + 1), values, "o-", color=color, label=name)
    left.axhline(theirs["loss"], color="#d95f02", linestyle="--", label="Keras, held out, at the end")
    left.set(xlabel="epoch", ylabel="loss, nats a character", xticks=range(1, len(loss["loss"]) + 1))
    left.legend(frameon=False)
    right.hist(trace.memory, bins=np.geomspace(1, trace.memory.max(), 25), color="#1f6fb4")
    right.set(xscale="log", xlabel="characters that a unit remembers", ylabel=f"units, of {UNITS}")
    for axes in (left, right):
        shared.plain(axes)
    write_coloured(below, text, trace)
    shared.save(figure, folder, "generate.png")


def write_coloured(part, text, trace, width=84):
    """The text, each character on the colour of what a unit keeps: of those that remember ten, the liveliest."""
    unit = int(np.argmax(trace.output[0].std(0) * (trace.memory >= 10)))
    state = trace.cell_state[0, :, unit] - trace.cell_state[0, :, unit].mean()
    state /= np.abs(state).max()
    axes = part.subplots()
    lines = list(layout(text, width))
    rows = lines[-1][0] + 1
    shades = np.full((rows, width), np.nan)
    for place, value in zip(lines, state, strict=True):
        shades[place] = value
    image = axes.imshow(shades, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto", alpha=0.7)
    for (row, column), character in zip(lines, text, strict=True):
        axes.text(column, row, character.strip(), ha="center", va="center", family="monospace", fontsize=8)
    axes.set_axis_off()
    about = f"What it wrote, and the cell state of unit {unit}, which remembers {trace.memory[unit]:.0f} characters"
    axes.set_title(about, loc="left", fontsize=11)
    part.colorbar(image, ax=axes, ticks=[-1, 0, 1], pad=0.01).set_ticklabels(["low", "mean", "high"])


def layout(text, width):
    """A row and a column for each character."""
    row = column = 0
    for character in text:
        if column == width:
            row, column = row + 1, 0
        yield row, column
        row, column = (row + 1, 0) if character == "\n" else (row, column + 1)


def main():
    arguments = shared.arguments(__doc__.splitlines()[0])
    text = python_help()
    characters, (x, y), held_out = read(text)
    theirs = shared.keras_reached("generate")
    if arguments.quick:
        x, y, held_out = x[:640], y[:640], [each[:100] for each in held_out]
    epochs = 1 if arguments.quick else EPOCHS
    keras.utils.set_random_seed(0)
    model = build(len(characters))
    watched = "auto" if shared.is_terminal() else 0
    history = model.fit(x, y, batch_size=BATCH, epochs=epochs, validation_data=held_out, verbose=watched).history

    print(f"{x.size:,} of {len(text):,} characters of Python's help (text {fingerprint(text)}), {epochs} epochs.")
    print(f"Loss on the last tenth, held out: {history['val_loss'][-1]:.3f} nats a character")
    print(f"Knowing nothing: {np.log(len(characters)):.3f}")
    same = "the same text" if fingerprint(text) == theirs["text"] else f"text {theirs['text']}, another Python's"
    print(f"Keras {theirs['keras']}, {theirs['epochs']} epochs on {same}: {theirs['loss']:.3f}")
    wrote = written(model, characters, 100 if arguments.quick else 500)
    print(f"\n{wrote}\n")
    draw(arguments.pictures, model, characters, wrote, history, theirs)


if __name__ == "__main__":
    main()
