"""Files of TensorFlow, without it: checkpoints, and SavedModels as far as they hold models of Keras and their weights.

`formats/wire.py` reads Protocol Buffers < `table.py`, the index of a checkpoint < `bundle.py`, its arrays <
`objects.py`, what belongs to what < `checkpoint.py` and `saved_model.py`, the two formats.
"""
