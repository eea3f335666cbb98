"""What graphs of every sort have in common when they are called."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


class CalledByName(ABC):
    """A graph that takes and gives arrays by name: `run` says how.

    Attributes:
        path: of its file, for messages.
    """

    path: Any

    @abstractmethod
    def run(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The outputs by name."""

    @abstractmethod
    def input_names(self) -> list[str]:
        """The inputs that a call must give, in order."""

    def predict(self, x: Any, **_: Any) -> Any:
        """The outputs for an array, a list of them in the order of the inputs, or a dict by name.

        Returns:
            An array, or a list of them where there are several.

        Raises:
            ValueError: as many arrays as there are inputs are wanted, and others came; and what `run` raises.
        """
        if not isinstance(x, Mapping):
            names = self.input_names()
            given: Sequence[Any] = x if isinstance(x, (list, tuple)) and len(names) > 1 else [x]
            if len(given) != len(names):
                raise self._error(f"{len(names)} inputs are wanted ({', '.join(names)}), but {len(given)} came.")
            x = dict(zip(names, given, strict=True))
        found = list(self.run(x).values())
        return found[0] if len(found) == 1 else found

    __call__ = predict

    def _error(self, message: str) -> ValueError:
        return ValueError(f"{self.path!r}: {message}" if self.path is not None else message)
