"""What programs do to data before a model sees it."""

from gatewise.utils.data import normalize as normalize
from gatewise.utils.data import pad_sequences as pad_sequences
from gatewise.utils.data import to_categorical as to_categorical
from gatewise.utils.seeds import set_random_seed as set_random_seed
