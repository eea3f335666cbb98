// Weights in the order in which the micro-kernel reads them: [panel][row][gate][lane], zeros for units past the last.
#pragma once

#include <cstdint>
#include <cstring>

#include "engine.h"

namespace gatewise {

// `source` is row-major (rows, columns) where column (first_gate + g) * units + u is gate g of unit u.
template <class T>
void pack(T* to, const T* source, Index rows, Index columns, Index units, Index width, Index first_gate, int gates) {
  for (Index panel = 0; panel * width < units; ++panel) {
    for (Index row = 0; row < rows; ++row) {
      for (Index gate = 0; gate < gates; ++gate) {
        for (Index lane = 0; lane < width; ++lane) {
          const Index unit = panel * width + lane;
          *to++ = unit < units ? source[row * columns + (first_gate + gate) * units + unit] : T(0);
        }
      }
    }
  }
}

// x rounded to the nearest bfloat16 (ties to even): the upper half of a float. NaN stays NaN.
inline std::uint16_t to_bfloat16(float x) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  if (x != x) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

inline float from_bfloat16(std::uint16_t half) {
  const std::uint32_t bits = static_cast<std::uint32_t>(half) << 16;
  float x = 0;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// The same as `pack` with two rows rounded into each lane, [panel][pair][gate][lane], and zeros up to `pairs` pairs.
inline void pack_pairs(float* to, const float* source, Index rows, Index columns, Index units, Index width,
                       Index first_gate, int gates, Index pairs) {
  for (Index panel = 0; panel * width < units; ++panel) {
    for (Index pair = 0; pair < pairs; ++pair) {
      for (Index gate = 0; gate < gates; ++gate) {
        for (Index lane = 0; lane < width; ++lane, ++to) {
          std::uint16_t halves[2] = {0, 0};
          const Index unit = panel * width + lane;
          for (Index i = 0; i < 2; ++i) {
            const Index row = 2 * pair + i;
            if (row >= rows || unit >= units) continue;
            halves[i] = to_bfloat16(source[row * columns + (first_gate + gate) * units + unit]);
          }
          std::memcpy(to, halves, sizeof halves);
        }
      }
    }
  }
}

}  // namespace gatewise
