// Loops whose index is a constant.
#pragma once

#include <type_traits>
#include <utility>

#include "base/simd.h"

namespace gatewise::GATEWISE_ISA {

// Calls `f` with 0, 1, .. kCount - 1 as constants.
template <class F, int... kAt>
GATEWISE_INLINE constexpr void each([[maybe_unused]] F f, std::integer_sequence<int, kAt...> /*at*/) {
  (f(std::integral_constant<int, kAt>()), ...);
}

template <int kCount, class F>
GATEWISE_INLINE constexpr void each(F f) {
  each(f, std::make_integer_sequence<int, kCount>());
}

}  // namespace gatewise::GATEWISE_ISA
