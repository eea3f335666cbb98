// Products on AMX's tile registers: for what is compiled for machines that have them, in a namespace of its own.
//
// A tile multiplies bfloat16 numbers and adds up in float. A layer of precision "bfloat16" rounds each number to one of
// them. A float32 layer splits each number into the sum of three, high + middle + low, which hold all 24 bits; of their
// nine products the six greatest are made. What is left out is below 2^-26 of the product: the result is as exact as
// that of float's own arithmetic (Henry, Tang and Heinecke, "Leveraging the bfloat16 artificial intelligence datatype
// for higher-precision computations", 2019).
//
// Two neighbouring numbers share one lane. A tile of weights is 16 pairs of rows of one gate of a panel, a tile of
// inputs 16 rows of the batch and 16 of their pairs. A sum is made in the same order whatever the tile's height, so
// that results do not depend on threads or on how time is cut. AMX takes denormals for zeros, which changes a product
// by less than 2^-126 of the other factor.
#pragma once

#include <immintrin.h>

#include "base/each.h"
#include "kernels/activations.h"
#include "kernels/tile.h"

namespace gatewise::GATEWISE_ISA {

// The eight tile registers: sums, the parts of the inputs, and one tile of weights after another.
constexpr int kSumTiles = 4;
constexpr int kInputTile = 4;
constexpr int kWeightTile = 7;

// Their shapes, as LDTILECFG reads them.
struct alignas(64) TileShapes {
  std::uint8_t palette = 1;
  std::uint8_t start = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t bytes[16] = {};
  std::uint8_t rows[16] = {};

  // Sums and inputs have `height` rows, weights sixteen.
  explicit TileShapes(int height) {
    for (int i = 0; i <= kWeightTile; ++i) {
      bytes[i] = 64;
      rows[i] = static_cast<std::uint8_t>(i < kWeightTile ? height : kTilePairs);
    }
  }
};
static_assert(sizeof(TileShapes) == 64, "LDTILECFG reads 64 bytes");

// The instructions. (The compiler's own names for them are macros that take no template's argument, and GCC 12's for
// LDTILECFG says that it reads 8 bytes.)
template <int kTile>
GATEWISE_INLINE void load_tile(const float* from, Index bytes_between) {
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(bytes_between), "i"(kTile) : "memory");
}

template <int kTile>
GATEWISE_INLINE void store_tile(float* to, Index bytes_between) {
  __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(bytes_between), "i"(kTile) : "memory");
}

template <int kSum, int kInput>
GATEWISE_INLINE void multiply_tiles() {
  __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kInput), "i"(kWeightTile));
}

template <int kTheParts>
class AmxTiles {
 public:
  static constexpr int kParts = kTheParts;

  static constexpr int rows_for(int /*gates*/) { return kMaxRows; }
  static constexpr int panels_for(int /*rows*/, int gates) { return kSumTiles / gates; }

  AmxTiles() = default;
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;
  ~AmxTiles() {
    if (height_ != 0) _tile_release();
  }

  // How often `between` is called for rows of so many lanes in all.
  static constexpr Index turns(Index lanes) { return lanes / kTilePairs; }

  template <class P, int kPanels = kSumTiles / P::kGates, class Between>
  void tile(int rows, int panels, const TileCall<float>& call, Between& between) {
    if constexpr (kPanels > 1) {
      if (panels < kPanels) return tile<P, kPanels - 1>(rows, panels, call, between);
    }
    constexpr int last = P::kGates - 1;
    shape(rows);
    if (call.start[0] != nullptr) {
      load_sums<P::kGates, P::kGates, kPanels>(call.start[0], bytes_between(call.start, rows));
    } else {
      load_sums<P::kGates, P::kSums, kPanels>(call.bias, 0);
    }
    multiply<P::kGates, kPanels>(call.x, rows, call.input, call.inputs, between);
    const Index apart = bytes_between(call.out, rows);
    if constexpr (P::kSums != P::kGates) {
      static_assert(kPanels == 1, "a cell of two phases for one gate");
      store_tile<last>(call.out[0] + last * kLanes, apart);
      load_tile<last>(call.bias + P::kGates * kLanes, 0);
    }
    multiply<P::kGates, kPanels>(call.h, rows, call.recurrent, call.units, between);
    each<kPanels * P::kGates>([&](auto c) {
      constexpr int gate = c % P::kGates;
      store_tile<c>(call.out[0] + (c / P::kGates * P::kSums + (gate == last ? P::kSums - 1 : gate)) * kLanes, apart);
    });
  }

  template <class P, int kPanels = kSumTiles / P::kGates>
  void project(int rows, int panels, const TileCall<float>& call) {
    if constexpr (kPanels > 1) {
      if (panels < kPanels) return project<P, kPanels - 1>(rows, panels, call);
    }
    shape(rows);
    const auto nothing = [] {};
    load_sums<P::kGates, P::kSums, kPanels>(call.bias, 0);
    multiply<P::kGates, kPanels>(call.x, rows, call.input, call.inputs, nothing);
    const Index apart = bytes_between(call.out, rows);
    each<kPanels * P::kGates>([&](auto c) { store_tile<c>(call.out[0] + c * kLanes, apart); });
  }

  // Splits the numbers of one vector; a part lies `apart` lanes after the one before. What the products could not hold
  // (infinities, numbers beyond kTileLimit) becomes NaN, so that the sums tell.
  GATEWISE_INLINE static void split(float* to, Vec<float> v, Index apart) {
    if constexpr (kParts > 1) {
      const __mmask16 beyond = _mm512_cmp_ps_mask(absolute<float>(v), splat(kTileLimit), _CMP_NLT_UQ);
      v = _mm512_mask_blend_ps(beyond, v, splat(__builtin_nanf("")));
    }
#pragma GCC unroll 3
    for (int part = 0; part < kParts; ++part) {
      const __m256i rounded = reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(v));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + part * apart), rounded);
      const Bits<float> halves = reinterpret_cast<Bits<float>>(_mm512_maskz_cvtepu16_epi32(0xffff, rounded));
      v = v - reinterpret_cast<Vec<float>>(halves << 16);
    }
  }

  // The first lanes, and zeros: what lanes past the last unit hold may be NaN, and would spoil a product with zeros.
  GATEWISE_INLINE static Vec<float> first(Vec<float> v, Index lanes) {
    return _mm512_maskz_mov_ps(static_cast<__mmask16>((1U << lanes) - 1U), v);
  }

  // Splits `count` numbers into `pairs` lanes of each part, zeros after the last.
  static void split(float* to, const float* from, Index count, Index pairs, Index apart) {
    for (Index i = 0; i < 2 * pairs; i += kLanes) {
      const Index left = count - i < 0 ? 0 : lesser(count - i, kLanes);
      const auto there = static_cast<__mmask16>((1U << left) - 1U);
      split(to + i / 2, _mm512_maskz_loadu_ps(there, from + (left != 0 ? i : 0)), apart);
    }
  }

  // Whether none of `count` vectors of sums has a NaN. (Infinities of both signs may look like one.)
  GATEWISE_INLINE static bool sound(const float* sums, int count) {
    Vec<float> total = load<float>(sums);
    for (int i = 1; i < count; ++i) total = total + load<float>(sums + i * kLanes);
    return _mm512_cmp_ps_mask(total, total, _CMP_UNORD_Q) == 0;
  }

 private:
  static constexpr Index kLanes = kWidth<float>;
  static constexpr Index kTileSize = kTilePairs * kLanes;

  void shape(int height) {
    if (height == height_) return;
    const TileShapes shapes(height);
    __asm__ volatile("ldtilecfg %0" : : "m"(shapes));
    height_ = height;
  }

  template <class Pointer>
  static Index bytes_between(const Pointer (&rows)[kMaxRows], int count) {
    return count > 1 ? (rows[1] - rows[0]) * static_cast<Index>(sizeof(float)) : 64;
  }

  // Takes up what lies at `from`, [panel][sum][lane]; a step of 0 bytes gives every row the same.
  template <int kGates, int kSums, int kPanels>
  static void load_sums(const float* from, Index step) {
    each<kPanels * kGates>([&](auto c) { load_tile<c>(from + (c / kGates * kSums + c % kGates) * kLanes, step); });
  }

  // sums += rows * weights, 16 pairs of every row at a time. `lanes` is what all parts of a row take. The parts a and b
  // are multiplied where a + b < kParts; the weights' lesser parts come first. After each part `between` has its turn:
  // what it does on vectors, the processor does while the tiles multiply.
  template <int kGates, int kPanels, class Between>
  GATEWISE_INLINE static void multiply(const float* const (&rows)[kMaxRows], int height, const float* weights,
                                       Index lanes, Between& between) {
    if (lanes == 0) return;
    const Index stride = bytes_between(rows, height);
    const Index apart = lanes / kParts;
    const Index panel = lanes * kGates * kLanes;
    const float* row = rows[0];
    for (Index pair = 0; pair < apart; pair += kTilePairs) {
      each<kParts>([&](auto a) { load_tile<kInputTile + a>(row + pair + a * apart, stride); });
      each<kParts>([&](auto i) {
        constexpr int b = kParts - 1 - i;
        each<kPanels * kGates>([&](auto c) {
          load_tile<kWeightTile>(weights + c / kGates * panel + (b * kGates + c % kGates) * kTileSize, 64);
          each<kParts - b>([&](auto a) { multiply_tiles<c, kInputTile + a>(); });
        });
        between();
      });
      weights += kParts * kGates * kTileSize;
    }
  }

  int height_ = 0;
};

}  // namespace gatewise::GATEWISE_ISA
