// How a call is divided over threads and time.
#pragma once

#include "recurrence/engine.h"

namespace gatewise {

// Multiply-adds of a call, more or less.
template <class T>
double work_of(const PackedLayer<T>& layer, const Sequence<T>& call);

// The division of a call among at most `threads` threads.
template <class T>
Division make_division(const PackedLayer<T>& layer, const Sequence<T>& call, Index threads);

extern template double work_of(const PackedLayer<float>&, const Sequence<float>&);
extern template double work_of(const PackedLayer<double>&, const Sequence<double>&);
extern template Division make_division(const PackedLayer<float>&, const Sequence<float>&, Index);
extern template Division make_division(const PackedLayer<double>&, const Sequence<double>&, Index);

}  // namespace gatewise
