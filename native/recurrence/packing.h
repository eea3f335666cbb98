// Weights in the order in which the micro-kernel reads them: [panel][row][gate][lane], zeros for units past the last.
// A folded panel is [row][kFold][lane], zeros for gates past the last too.
#pragma once

#include <cstdint>
#include <cstring>

#include "recurrence/engine.h"

namespace gatewise {

// `source` is row-major (rows, columns) where column (first_gate + g) * units + u is gate g of unit u.
template <class T>
struct Unpacked {
  const T* source;
  Index rows;
  Index columns;
  Index units;
  Index first_gate;
  Index gates;

  T at(Index row, Index gate, Index unit) const {
    return gate < gates && unit < units ? source[row * columns + (first_gate + gate) * units + unit] : T(0);
  }
};

// The next `panels` panels from the unit `first` on, of `gates` times `lanes` numbers a row; returns their end.
template <class T>
T* pack(T* to, const Unpacked<T>& from, Index first, Index panels, Index gates, Index lanes) {
  for (Index panel = 0; panel < panels; ++panel, first += lanes) {
    for (Index row = 0; row < from.rows; ++row) {
      for (Index gate = 0; gate < gates; ++gate) {
        for (Index lane = 0; lane < lanes; ++lane) *to++ = from.at(row, gate, first + lane);
      }
    }
  }
  return to;
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

// The first, second or third of the bfloat16 numbers whose sum x is, each the nearest to what is left.
inline std::uint16_t part_of(float x, int part) {
  for (; part > 0; --part) x -= from_bfloat16(to_bfloat16(x));
  return to_bfloat16(x);
}

// Lanes that pairs of `count` numbers take, in whole tiles.
inline Index whole_tiles(Index count) { return (count + 2 * kTilePairs - 1) / (2 * kTilePairs) * kTilePairs; }

// What `pack` has packed, (panels, rows, gates, width), for tiles: [panel][tile of pairs][part][gate][pair][lane].
inline void pack_tiles(float* to, const float* packed, Index panels, Index rows, int gates, Index width, int parts) {
  const Index row_size = gates * width;
  for (Index panel = 0; panel < panels; ++panel, packed += rows * row_size) {
    for (Index first = 0; first < rows; first += 2 * kTilePairs) {
      for (int part = 0; part < parts; ++part) {
        for (Index at = 0; at < row_size * kTilePairs; ++at, ++to) {
          const Index gate = at / (width * kTilePairs);
          const Index row = first + at / width % kTilePairs * 2;
          const float* from = packed + row * row_size + gate * width + at % width;
          const std::uint16_t pair[2] = {row < rows ? part_of(from[0], part) : std::uint16_t(0),
                                         row + 1 < rows ? part_of(from[row_size], part) : std::uint16_t(0)};
          std::memcpy(to, pair, sizeof pair);
        }
      }
    }
  }
}

}  // namespace gatewise
