"""Attention: sums of values, weighted by how well the keys beside them fit a query.

`scores.py` holds what all have: which steps see which, the softmax over those, and the sums. `dot.py` has the layers
without projections, `heads.py` what those with many heads share.
"""

from gatewise.layers.attention.additive import AdditiveAttention as AdditiveAttention
from gatewise.layers.attention.dot import Attention as Attention
from gatewise.layers.attention.grouped_query import GroupedQueryAttention as GroupedQueryAttention
from gatewise.layers.attention.multi_head import MultiHeadAttention as MultiHeadAttention
