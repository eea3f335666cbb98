"""Programs for TensorFlow and Keras, run unchanged: what they import, what version they see, how they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import gatewise as tf
from gatewise.base import absent, keras_names, versions
from gatewise.compat import addresses

RUN = [sys.executable, "-m", "gatewise", "run"]


def started(command, folder, **environment):
    """The finished process of a command in a folder."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def program(folder, source, name="program.py"):
    path = folder / name
    path.write_text(textwrap.dedent(source))
    return str(path)


def output(folder, source, *options, args=(), **environment):
    """What a program prints under `gatewise run`; it must end well."""
    done = started([*RUN, *options, program(folder, source), *args], folder, **environment)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


# --- What programs import ---------------------------------------------------------------------------------------

IMPORTS = [
    "import tensorflow as tf; LSTM = tf.keras.layers.LSTM",
    "import keras; LSTM = keras.layers.LSTM",
    "from tensorflow import keras; LSTM = keras.layers.LSTM",
    "import tensorflow.keras as keras; LSTM = keras.layers.LSTM",
    "from tensorflow.keras import layers; LSTM = layers.LSTM",
    "from tensorflow.keras.layers import LSTM",
    "import tensorflow.keras.layers; LSTM = tensorflow.keras.layers.LSTM",
    "from tensorflow.keras.layers import *",
    "from keras.layers import LSTM",
    "from keras.layers.recurrent import LSTM",
    "from keras.src.layers import LSTM",
    "from tensorflow.python.keras.layers import LSTM",
    "import tensorflow.compat.v1 as tf; LSTM = tf.keras.layers.LSTM",
    "import tensorflow as tf; LSTM = tf.compat.v1.keras.layers.LSTM",
    "from tensorflow.compat.v1.keras.layers import LSTM",
    "import tensorflow.compat.v2 as tf; LSTM = tf.keras.layers.LSTM",
    "import tf_keras; LSTM = tf_keras.layers.LSTM",
    "from tf_keras.layers import LSTM",
]


@pytest.mark.parametrize("statement", IMPORTS)
def test_every_way_to_import_a_layer(statement, tmp_path):
    source = f"{statement}\nimport gatewise\nprint(LSTM is gatewise.layers.LSTM, LSTM(6).units)"
    assert output(tmp_path, source) == "True 6\n"


def test_one_module_under_all_its_names(tmp_path):
    source = """
        import keras, tf_keras, tensorflow as tf, tensorflow.keras.layers, keras.layers, gatewise.keras.layers
        from tensorflow import keras as again
        assert keras is tf_keras is tf.keras is again is gatewise.keras
        assert keras.layers is tensorflow.keras.layers is gatewise.keras.layers
        assert keras.layers.__spec__.name == keras.layers.__name__ == "gatewise.keras.layers"
        from keras.models import Sequential, load_model
        from keras.preprocessing.sequence import pad_sequences
        from keras.utils.np_utils import to_categorical
        from keras.utils import set_random_seed, custom_object_scope
        from keras import backend as K
        K.clear_session()
        print(Sequential([keras.layers.GRU(4, input_shape=(5, 3))]).predict([[[0.0] * 3] * 5]).shape)
    """
    assert output(tmp_path, source) == "(1, 4)\n"


def test_gatewise_answers_where_tensorflow_is_installed(tmp_path):
    for name in ("tensorflow", "keras", "tf_keras"):
        (tmp_path / "installed" / name).mkdir(parents=True)
        (tmp_path / "installed" / name / "__init__.py").write_text("raise SystemExit('the installed one')")
    source = "import tensorflow, keras, tf_keras\nprint(keras.layers.LSTM.__module__)"
    assert output(tmp_path, source, PYTHONPATH=str(tmp_path / "installed")) == "gatewise.recurrent.lstm\n"


def test_a_module_that_is_not_here_is_named(tmp_path):
    source = """
        for statement in ("import keras.nothing", "from tensorflow.keras.applications import vgg",
                          "from tensorflow.keras import lairs", "import tensorflow.python.nothing.ops"):
            try:
                exec(statement)
            except ImportError as error:
                print(error)
    """
    assert output(tmp_path, source).splitlines() == [
        "Gatewise has no `keras.nothing`.",
        "Gatewise has no `tf.keras.applications.vgg`.",
        "Gatewise has no `tf.keras.lairs`.",
        "Gatewise has no `tf.python.nothing`.",
    ]


def test_a_name_that_is_not_here_is_the_last_line_of_the_traceback(tmp_path):
    done = started([*RUN, program(tmp_path, "from keras.layers import LTSM")], tmp_path)
    assert done.returncode == 1
    first, *_, last = done.stderr.splitlines()
    assert first == "Traceback (most recent call last):"
    assert last == "ImportError: Gatewise has no `tf.keras.layers.LTSM`. Did you mean 'LSTM'?"
    assert done.stderr.count("File ") == 1
    done = started([*RUN, program(tmp_path, "import tensorflow as tf\ntf.Session()")], tmp_path)
    assert done.stderr.splitlines()[-1].startswith("AttributeError: Gatewise has no `tf.Session`.")
    assert done.stderr.count("File ") == 1


# --- Which release ----------------------------------------------------------------------------------------------

DEFAULTS = """
    import sys, threading, numpy as np, tensorflow as tf
    def show():
        lstm, gru = tf.keras.layers.LSTM(2), tf.keras.layers.GRU(2)
        names = [f.__name__ for f in (lstm.recurrent_activation, gru.recurrent_activation)]
        x = np.ones(1, "float32")
        steep = float(tf.keras.activations.get("hard_sigmoid")(x)[0])
        print(names, lstm.implementation, gru.reset_after, round(steep, 4))
    print(tf.__version__, tf.keras.__version__)
    show()
    thread = threading.Thread(target=show)
    thread.start()
    thread.join()
"""


@pytest.mark.parametrize(
    ("asked", "given", "keras", "gates", "implementation", "reset_after", "steep"),
    [
        ("1.14", "1.14.0", "2.2.4-tf", "hard_sigmoid", 1, False, 0.7),
        ("1.10.1", "1.10.1", "2.1.6-tf", "hard_sigmoid", 1, False, 0.7),
        ("2.0", "2.0.0", "2.2.4-tf", "sigmoid", 2, True, 0.7),
        ("2.15.1", "2.15.1", "2.15.0", "sigmoid", 2, True, 0.7),
        (None, "2.21.0", "3.15.1", "sigmoid", None, True, 0.6667),
    ],
)
def test_layers_have_the_defaults_of_the_release(
    asked, given, keras, gates, implementation, reset_after, steep, tmp_path
):
    lines = output(tmp_path, DEFAULTS, *(["--tf", asked] if asked else [])).splitlines()
    assert lines[0] == f"{given} {keras}"
    assert lines[1] == lines[2]  # In another thread, too.
    names, rest = lines[1].split("] ")
    assert names.count(f"'{gates}") + names.count(f"'keras2_{gates}") == 2
    found = rest.split()
    assert found[1:] == [str(reset_after), str(steep)]
    if implementation is not None:
        assert found[0] == str(implementation)


def test_the_layers_of_compat_v1_have_the_defaults_of_tensorflow_1(tmp_path):
    source = "import tensorflow.compat.v1 as tf\ntf.disable_v2_behavior()\nprint(tf.keras.layers.GRU(2).reset_after)"
    assert output(tmp_path, source) == "False\n"


def test_a_program_that_mixes_two_meanings_is_told_so(tmp_path):
    source = """
        import tensorflow as tf
        tf.compat.v1.set_random_seed(1)
        tf.keras.layers.GRU
        try:
            tf.compat.v1.keras.layers.GRU
        except ImportError as error:
            print(error)
    """
    assert "tf.keras and from tf.compat.v1.keras" in output(tmp_path, source)
    source = "import tensorflow as tf\nprint(tf.keras.layers.GRU is tf.compat.v1.keras.layers.GRU)"
    assert output(tmp_path, source, "--tf", "1.15") == "True\n"


@pytest.mark.parametrize("version", ["abc", "3.0", "1", "", "2.x"])
def test_what_is_not_a_version_is_refused(version, tmp_path):
    done = started([*RUN, "--tf", version, program(tmp_path, "print(1)")], tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "not a version of TensorFlow" in done.stderr


def test_versions_of_keras_follow_tensorflow(monkeypatch):
    found = []
    for version in ("1.4.0", "1.9.0", "1.13.1", "1.15.0", "2.1.0", "2.2.0", "2.3.0", "2.4.1", "2.6.0", "2.16.1"):
        monkeypatch.setattr(versions, "_asked", version)
        found.append(versions.keras())
    assert found[:4] == ["2.1.5-tf", "2.1.6-tf", "2.2.4-tf", "2.2.4-tf"]
    assert found[4:] == ["2.2.4-tf", "2.3.0-tf", "2.4.0", "2.4.0", "2.6.0", "3.15.1"]


# --- As Python runs it ------------------------------------------------------------------------------------------

SURROUNDINGS = '''
    """The program's own words."""
    import os, sys
    print(sys.argv, __name__, __doc__, __spec__, __package__, os.path.samefile(__file__, sys.argv[0]))
    print(os.path.isabs(__file__), sys.path[0], sys.modules["__main__"].__dict__ is globals())
    print(type(__builtins__), "annotations" in globals(), sorted(n for n in globals() if n.startswith("__")))
    import pickle
    class Thing: pass
    print(type(pickle.loads(pickle.dumps(Thing()))) is Thing)
    import beside
'''

ENDS = {
    "an error": "def f():\n    raise ValueError('mine')\nf()",
    "a chain of errors": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e",
    "an error in the code": "x = 1\ny = = 2\n",
    "an exit code": "import sys\nsys.exit(7)",
    "an exit with words": "import sys\nsys.exit('words')",
    "an exit without a code": "raise SystemExit",
    "an exit at exit": "import atexit\natexit.register(print, 'late')\nraise ValueError",
    "a hook for errors": "import sys\nsys.excepthook = lambda t, e, tb: print(t, e, tb.tb_lineno)\nraise ValueError('v')",
    "a group of warnings": "import warnings\nwarnings.warn('careful', stacklevel=1)",
    "a thread that goes on": "import threading, time\nthreading.Thread(target=lambda: (time.sleep(.1), print('t'))).start()",
}


@pytest.mark.parametrize("what", ENDS)
def test_a_program_ends_as_under_python(what, tmp_path):
    path = program(tmp_path, ENDS[what])
    plain, ours = (started([*command, path], tmp_path) for command in ([sys.executable], RUN))
    assert (ours.returncode, ours.stdout, ours.stderr) == (plain.returncode, plain.stdout, plain.stderr)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no signals of this kind")
def test_an_interrupt_ends_it_as_under_python(tmp_path):
    path = program(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nimport time\ntime.sleep(5)")
    # Whoever runs the tests in the background has SIGINT ignored, and children would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        plain, ours = (started([*command, path], tmp_path) for command in ([sys.executable], RUN))
    finally:
        signal.signal(signal.SIGINT, before)
    assert plain.returncode == ours.returncode == -signal.SIGINT
    assert ours.stderr == plain.stderr


def test_a_program_sees_what_it_sees_under_python(tmp_path):
    (tmp_path / "beside.py").write_text("print('beside')")
    path = program(tmp_path, SURROUNDINGS)
    plain, ours = (
        started([*command, "program.py", "-x", "--tf", "2", "--", "last"], tmp_path)
        for command in ([sys.executable], RUN)
    )
    assert plain.returncode == ours.returncode == 0, ours.stderr
    assert "['program.py', '-x', '--tf', '2', '--', 'last']" in ours.stdout
    for one, other in zip(plain.stdout.splitlines(), ours.stdout.splitlines(), strict=True):
        assert one == other
    assert path


def test_a_module_runs_as_under_python(tmp_path):
    (tmp_path / "package" / "inner").mkdir(parents=True)
    for folder in (tmp_path / "package", tmp_path / "package" / "inner"):
        (folder / "__init__.py").write_text("")
    (tmp_path / "package" / "inner" / "__main__.py").write_text(
        "from . import tool\nprint('main', __name__, __package__)"
    )
    (tmp_path / "package" / "inner" / "tool.py").write_text(
        "import sys\nfrom .. import inner\nprint(__name__, __package__, sys.argv, sys.path[0], __spec__.name)"
    )
    for name in ("package.inner", "package.inner.tool"):
        plain, ours = (started([*command, "-m", name, "-m", "x"], tmp_path) for command in ([sys.executable], RUN))
        assert (ours.returncode, ours.stdout) == (plain.returncode, plain.stdout)
        assert ours.returncode == 0


@pytest.mark.parametrize("arguments", [["nowhere.py"], ["-m", "nowhere"], ["-m", "gatewise.layers"], ["."], []])
def test_what_cannot_run_is_said_in_a_line(arguments, tmp_path):
    done = started([*RUN, *arguments], tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_processes_of_a_program_find_gatewise_too(method, tmp_path):
    import multiprocessing

    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} on this system")
    source = f"""
        import multiprocessing
        import warnings
        warnings.simplefilter("ignore")
        import tensorflow as tf
        from keras.layers import GRU
        def work(units):
            return tf.__version__, GRU(units).reset_after, GRU.__module__
        if __name__ == "__main__":
            with multiprocessing.get_context({method!r}).Pool(1) as pool:
                print(pool.map(work, [3]))
    """
    assert output(tmp_path, source, "--tf", "1.14") == "[('1.14.0', False, 'gatewise.recurrent.gru')]\n"


def test_a_program_that_keeps_a_model_until_its_end_ends_quietly(tmp_path):
    source = """
        import functools, threading, time
        import keras

        @functools.lru_cache
        def model():
            return keras.Sequential([keras.layers.LSTM(3, input_shape=(2, 2))])

        print(model().predict([[[0.0, 1.0]] * 2]).shape)
        threading.Thread(target=lambda kept: time.sleep(60), args=[model()], daemon=True).start()
    """
    assert output(tmp_path, source) == "(1, 3)\n"


def test_a_program_with_a_layer_of_its_own(tmp_path):
    source = """
        import numpy as np
        import tensorflow as tf
        from tensorflow.keras import backend as K

        class Attention(tf.keras.layers.Layer):
            def build(self, input_shape):
                self.w = self.add_weight(name="w", shape=(input_shape[-1], 1), initializer="glorot_uniform")
                super().build(input_shape)

            def call(self, x):
                scores = tf.nn.softmax(tf.tanh(tf.matmul(x, self.w)), axis=1)
                return tf.reduce_sum(x * scores, axis=1)

        tf.random.set_seed(1)
        inputs = tf.keras.Input(shape=(5, 3))
        model = tf.keras.Model(inputs, Attention()(tf.keras.layers.LSTM(4, return_sequences=True)(inputs)))
        x = tf.random.normal((2, 5, 3))
        print(model.predict(x).shape, K.int_shape(inputs), model(x).numpy().dtype)
    """
    assert output(tmp_path, source) == "(2, 4) (None, 5, 3) float32\n"


# --- The table --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("root", sorted(addresses.ROOTS))
def test_every_public_module_is_one_of_ours(root):
    from importlib.util import find_spec

    assert find_spec(addresses.ours(root)) is not None


@pytest.mark.parametrize("old", sorted(keras_names.MOVED))
def test_every_old_module_has_a_home(old):
    from importlib.util import find_spec

    for root in ("keras", "tensorflow.keras", "tensorflow.python.keras"):
        assert find_spec(addresses.ours(f"{root}.{old}")) is not None


@pytest.mark.parametrize("name", ["numpy", "tensorflowjs", "keras_tuner", "tensor", "kerasx.layers"])
def test_other_packages_are_left_alone(name):
    assert addresses.ours(name) is None


def test_importing_gatewise_changes_no_imports():
    """Only `gatewise run` stands in for TensorFlow. (The engine follows the import of threadpoolctl, and finds nothing.)"""
    code = """
import sys
before = list(sys.meta_path)
import gatewise
gatewise.keras.layers
for finder in sys.meta_path:
    assert finder in before or finder.find_spec("tensorflow", None) is finder.find_spec("keras", None) is None
"""
    assert subprocess.run([sys.executable, "-c", code], check=True, timeout=60).returncode == 0


# --- The names of `tf` ------------------------------------------------------------------------------------------


def test_constants_have_tensorflows_dtypes():
    assert tf.constant([1.0, 2.0]).dtype == tf.float32
    assert tf.constant([1, 2]).dtype == tf.int32
    assert tf.constant(True).dtype == tf.bool
    assert tf.constant(np.zeros(2)).dtype == tf.float64
    assert tf.constant([1], dtype=tf.float64).dtype == tf.float64
    assert tf.convert_to_tensor([[1.0]]).numpy().tolist() == [[1.0]]
    assert tf.constant(2, shape=(2, 2)).tolist() == [[2, 2], [2, 2]]
    assert tf.constant([1, 2, 3, 4], shape=(2, 2)).tolist() == [[1, 2], [3, 4]]
    assert isinstance(tf.zeros((2, 3)), tf.Tensor)
    assert tf.ones((2,), tf.int32).dtype == tf.int32
    assert tf.range(2, 6, 2).tolist() == [2, 4]
    assert tf.cast([1.7], tf.int32).tolist() == [1]
    with pytest.raises(TypeError, match=r"tf\.constant"):
        tf.constant(1.5, tf.int32)


def test_functions_agree_with_numpy():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 4))
    for name in ("sum", "mean", "max", "min", "prod"):
        found = getattr(tf, f"reduce_{name}")(x, axis=[0, 2], keepdims=True)
        np.testing.assert_array_equal(found, getattr(np, name)(x, axis=(0, 2), keepdims=True))
    np.testing.assert_array_equal(tf.matmul(x, x, transpose_b=True), x @ x.swapaxes(1, 2))
    np.testing.assert_array_equal(tf.transpose(x, [1, 0, 2]), x.transpose(1, 0, 2))
    np.testing.assert_array_equal(tf.concat([x, x], axis=1), np.concatenate([x, x], 1))
    np.testing.assert_array_equal(tf.stack([x, x], axis=1), np.stack([x, x], 1))
    np.testing.assert_array_equal(tf.reshape(x, (4, -1)), x.reshape(4, -1))
    np.testing.assert_array_equal(tf.expand_dims(x, -1), x[..., None])
    np.testing.assert_array_equal(tf.math.square(x), x * x)
    np.testing.assert_allclose(tf.nn.softmax(x).sum(-1), 1)
    assert tf.shape(x).numpy().tolist() == [2, 3, 4]


def test_random_numbers_repeat_with_their_seed():
    tf.random.set_seed(3)
    first = tf.random.normal((1000,), mean=5, stddev=0.1)
    tf.random.set_seed(3)
    np.testing.assert_array_equal(tf.random.normal((1000,), mean=5, stddev=0.1), first)
    assert first.dtype == tf.float32
    assert abs(first.mean() - 5) < 0.02
    drawn = tf.random.uniform((1000,), 2, 4)
    assert np.all((drawn >= 2) & (drawn < 4))
    assert set(tf.random.uniform((200,), 0, 3, dtype=tf.int64, seed=1).numpy()) == {0, 1, 2}
    with pytest.raises(ValueError, match="maxval"):
        tf.random.uniform((2,), dtype="int32")


def test_switches_of_tensorflow_are_accepted():
    from gatewise.compat import tensorflow

    tensorflow.disable_eager_execution()
    assert tensorflow.executing_eagerly()
    assert tensorflow.config.list_physical_devices("GPU") == []
    assert tensorflow.config.experimental.set_memory_growth("gpu", True) is None
    assert tensorflow.test.is_gpu_available() is False
    tensorflow.logging.set_verbosity(tensorflow.logging.ERROR)
    assert tensorflow.get_logger().level == tensorflow.logging.ERROR
    assert tensorflow.function(jit_compile=True)(abs)(-1) == 1
    before = tf.config.threads
    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    assert tf.config.threads == 1
    tf.config.threads = before
    with pytest.raises(AttributeError, match=r"Gatewise has no `tf\.config\.experimental\.foo`"):
        tensorflow.config.experimental.foo  # noqa: B018


def test_every_name_that_is_listed_is_there():
    from gatewise.compat import tensorflow

    for name in dir(tensorflow):
        assert getattr(tensorflow, name) is not None


@pytest.mark.parametrize(
    ("name", "hint"),
    [("Session", "graphs and sessions"), ("placeholder", "graphs and sessions"), ("lookup", "dict of Python"),
     ("layers", None), ("cosntant", "'constant'"), ("estimator", "it lacks this name")],
)  # fmt: skip
def test_a_missing_name_of_tf_says_so(name, hint):
    if name == "layers":
        assert tf.layers is not None  # Gatewise's own; `tf.layers` of TensorFlow 1 is not served to programs.
        return
    with pytest.raises(AttributeError, match=rf"Gatewise has no `tf\.{name}`.*{hint}"):
        getattr(tf, name)
    with pytest.raises(ImportError, match=rf"Gatewise has no `tf\.{name}`.*{hint}"):
        exec(f"from gatewise import {name}")
    assert not hasattr(tf, name)


def test_the_nearest_name_is_found_whatever_its_case():
    assert absent.message("tf.keras.layers.lstm", ["LSTM", "GRU"]).endswith("Did you mean 'LSTM'?")
    assert absent.message("tf.x", []) == "Gatewise has no `tf.x`."
