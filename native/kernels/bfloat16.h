// bfloat16 numbers, the upper halves of floats, without an instruction set.
#pragma once

#include <cstdint>
#include <cstring>

namespace gatewise {

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

}  // namespace gatewise
