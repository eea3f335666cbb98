// The working memory of a call.
#pragma once

#include "recurrence/buffer.h"
#include "recurrence/engine.h"

namespace gatewise {

// Cut out of one buffer.
template <class T>
Workspace<T> make_workspace(Buffer& buffer, const PackedLayer<T>& layer, const Sequence<T>& call,
                            const Division& division);

extern template Workspace<float> make_workspace(Buffer&, const PackedLayer<float>&, const Sequence<float>&,
                                                const Division&);
extern template Workspace<double> make_workspace(Buffer&, const PackedLayer<double>&, const Sequence<double>&,
                                                 const Division&);

}  // namespace gatewise
