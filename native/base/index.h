// The type of counts and places, signed and as wide as memory.
#pragma once

#include <cstddef>

namespace gatewise {

using Index = std::ptrdiff_t;

}  // namespace gatewise
