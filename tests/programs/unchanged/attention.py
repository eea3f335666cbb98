# keras#14246, keras#5512, gmail-smart-compose#10: attention over an encoder: the ready layers.
import os

import numpy as np
import tensorflow as tf

FAST = os.environ.get("LONG", "1") == "1"
# expected values: tf_keras 2.21
EXPECTED = {
    "attention": [
        [[-0.194094, -0.234071, -0.139931], [-0.192118, -0.23273, -0.140845], [-0.189568, -0.230469, -0.141026]],
        [[-0.195233, -0.209142, -0.099952], [-0.195746, -0.209999, -0.10077], [-0.19433, -0.208996, -0.101088]],
    ],
    "additive": [
        [[-0.181574, -0.222885, -0.140632], [-0.181154, -0.222545, -0.140729], [-0.180931, -0.222343, -0.140749]],
        [[-0.1847, -0.198915, -0.096994], [-0.184686, -0.198924, -0.097029], [-0.184532, -0.198797, -0.097036]],
    ],
}


def seq(*shape, k=0):
    return np.cos(np.arange(int(np.prod(shape))) * 0.9 + k).reshape(shape).astype("float32")


def fill(thing, k=0):
    thing.set_weights(
        [
            (np.sin(np.arange(w.size) * 0.7 + 1.3 * i + k) * 0.6).reshape(w.shape).astype(w.dtype)
            for i, w in enumerate(map(np.asarray, thing.get_weights()))
        ]
    )
    return thing


def layers_built(layer, shape):
    layer(np.zeros(shape, "float32"))
    return layer


FAULTS = []


def same(name, got, atol=2e-5):
    got, want = np.asarray(got).astype("float64"), np.array(EXPECTED[name])
    if got.shape != want.shape or not np.allclose(got, want, atol=atol):
        FAULTS.append(f"WRONG {name}: got {got.shape} {got.ravel()[:6]}, expected {want.shape} {want.ravel()[:6]}")


def check(name, good):
    if not good:
        FAULTS.append(f"FALSE {name}")


def raises(name, run):
    try:
        value = run()
    except (ValueError, TypeError, NotImplementedError) as e:
        print(f"refused {name}: {type(e).__name__}: {str(e)[:300]}")
    except Exception as e:
        FAULTS.append(f"ODD ERROR {name}: {type(e).__name__}: {str(e)[:200]}")
    else:
        FAULTS.append(f"ACCEPTED {name}: {getattr(value, 'shape', value)}")


q, v = tf.keras.Input((3, 2)), tf.keras.Input((4, 2))
e, s = tf.keras.layers.LSTM(3, return_sequences=True), tf.keras.layers.LSTM(3, return_sequences=True)
a = tf.keras.layers.Attention()([s(q), e(v)])
model = fill(tf.keras.Model([q, v], a))
same("attention", model.predict([seq(2, 3, 2), seq(2, 4, 2)], verbose=0))
b = tf.keras.layers.AdditiveAttention()([s(q), e(v)])
model = fill(tf.keras.Model([q, v], b))
same("additive", model.predict([seq(2, 3, 2), seq(2, 4, 2)], verbose=0))


if FAULTS:
    raise SystemExit("\n".join(FAULTS))
print("right")
