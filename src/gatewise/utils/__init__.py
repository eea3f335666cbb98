"""What programs do to data before a model sees it. Pipelines are in `gatewise.data`."""

from gatewise.base.absent import answer_for
from gatewise.utils.batches import PyDataset as PyDataset
from gatewise.utils.data import normalize as normalize
from gatewise.utils.data import pad_sequences as pad_sequences
from gatewise.utils.data import to_categorical as to_categorical
from gatewise.utils.files import get_file as get_file
from gatewise.utils.progbar import Progbar as Progbar
from gatewise.utils.seeds import set_random_seed as set_random_seed
from gatewise.utils.skipgrams import make_sampling_table as make_sampling_table
from gatewise.utils.skipgrams import skipgrams as skipgrams
from gatewise.utils.splitting import pack_x_y_sample_weight as pack_x_y_sample_weight
from gatewise.utils.splitting import split_dataset as split_dataset
from gatewise.utils.splitting import unpack_x_y_sample_weight as unpack_x_y_sample_weight
from gatewise.utils.text import Tokenizer as Tokenizer
from gatewise.utils.text import hashing_trick as hashing_trick
from gatewise.utils.text import one_hot as one_hot
from gatewise.utils.text import text_to_word_sequence as text_to_word_sequence
from gatewise.utils.text import tokenizer_from_json as tokenizer_from_json
from gatewise.utils.text_files import text_dataset_from_directory as text_dataset_from_directory
from gatewise.utils.timeseries import TimeseriesGenerator as TimeseriesGenerator
from gatewise.utils.timeseries import timeseries_dataset_from_array as timeseries_dataset_from_array

answer_for(__name__, "gatewise.utils")
