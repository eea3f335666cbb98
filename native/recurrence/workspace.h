// The working memory of a call.
#pragma once

#include "recurrence/buffer.h"
#include "recurrence/engine.h"

namespace gatewise {

// Cut out of one buffer, for as many members and rows as the division says.
template <class T>
Workspace<T> make_workspace(Buffer& buffer, const PackedLayer<T>& layer, const Division& division);

extern template Workspace<float> make_workspace(Buffer&, const PackedLayer<float>&, const Division&);
extern template Workspace<double> make_workspace(Buffer&, const PackedLayer<double>&, const Division&);

}  // namespace gatewise
