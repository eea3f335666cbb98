// Weights in the order in which one kind of kernel reads them.
#pragma once

#include "recurrence/buffer.h"
#include "recurrence/engine.h"

namespace gatewise {

// The weights as Keras keeps them, row-major, in the order of the cell's facts. Null is zeros.
template <class T>
struct Weights {
  const T* at[kMaxWeights] = {};
};

// A layer and the memory in which its weights stand.
template <class T>
struct Packing {
  PackedLayer<T> layer;
  Buffer memory;
};

// `layer` is a packed layer but for its weights.
template <class T>
Packing<T> pack_for_vectors(PackedLayer<T> layer, const Weights<T>& weights);

// The same weights for tiles, as sums of `parts` bfloat16 numbers.
Packing<float> pack_for_tiles(const PackedLayer<float>& from, int parts);

// So many columns of a matrix, from the column `first` on.
struct Columns {
  Index first;
  Index count;
};

// A matrix of `units` rows turned round: [panel of units][column][lane], zeros for units past the last. Returns the
// end.
template <class T>
T* pack_turned(T* to, const T* matrix, Index units, Index columns_in_all, Columns columns, Index width);

extern template float* pack_turned(float*, const float*, Index, Index, Columns, Index);
extern template double* pack_turned(double*, const double*, Index, Index, Columns, Index);
extern template Packing<float> pack_for_vectors(PackedLayer<float> layer, const Weights<float>& weights);
extern template Packing<double> pack_for_vectors(PackedLayer<double> layer, const Weights<double>& weights);

}  // namespace gatewise
