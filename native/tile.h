// The micro-kernel: kRows rows times kPanels panels of weights, every sum in a register.
//
// A sum is made in one order whatever the tile, the split over threads or the chunk of time: bias, then x_0 .. x_{I-1},
// then h_0 .. h_{H-1}, one fused multiply-add each. Storing a partial sum and taking it up again changes no bit.
#pragma once

#include "simd.h"

namespace gatewise::GATEWISE_ISA {

// Rows of a tile at most; with 32 registers 6 x 4 sums leave 4 for weights and 1 or 2 for inputs.
inline constexpr int kMaxRows = kRegisters == 32 ? 6 : 3;
inline constexpr int kMaxSums = kMaxRows * 4;
inline constexpr int kMaxPanels = 4;

// Panels that a tile of `rows` rows may take together.
constexpr int panels_for(int rows, int sums) {
  const int most = kMaxSums / (rows * sums);
  return most > kMaxPanels ? kMaxPanels : (most < 1 ? 1 : most);
}

template <class T>
struct TileCall {
  const T* x[kMaxRows];      // a row of inputs each
  const T* h[kMaxRows];      // a row of states each
  const T* start[kMaxRows];  // partial sums to take up, [panel][gate][lane], or null: begin with the bias
  T* out[kMaxRows];          // [panel][sum][lane]
  const T* input;            // panels of weights
  const T* recurrent;
  const T* bias;
  Index inputs;
  Index units;
};

// sums[row][panel][first + gate] += rows[row][k] * weights[panel][k][gate], k ascending. Gate kLast goes to sum
// kLastSum.
template <class T, int kRows, int kPanels, int kGates, int kSums, int kLastSum>
GATEWISE_INLINE void accumulate(Vec<T> (&sums)[kRows][kPanels][kSums], const T* const (&from)[kMaxRows],
                                const T* weights, Index count) {
  constexpr Index width = kWidth<T>;
  const T* rows[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) rows[r] = from[r];
  const Index panel = count * kGates * width;
#pragma GCC unroll 4
  for (Index k = 0; k < count; ++k) {
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) {
      Vec<T> w[kGates];
#pragma GCC unroll 8
      for (int g = 0; g < kGates; ++g) w[g] = load<T>(weights + p * panel + g * width);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const Vec<T> value = splat(rows[r][k]);
#pragma GCC unroll 8
        for (int g = 0; g < kGates; ++g) {
          Vec<T>& sum = sums[r][p][g == kGates - 1 ? kLastSum : g];
          sum = fma(value, w[g], sum);
        }
      }
    }
    weights += kGates * width;
  }
}

// kSums == kGates + 1 keeps the state's share of the last gate in a sum of its own.
template <class T, int kRows, int kPanels, int kGates, int kSums>
void tile(const TileCall<T>& call) {
  constexpr Index width = kWidth<T>;
  Vec<T> sums[kRows][kPanels][kSums];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 8
      for (int s = 0; s < kSums; ++s) sums[r][p][s] = load<T>(call.bias + (p * kSums + s) * width);
    }
  }
  if (call.start[0] != nullptr) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 8
        for (int g = 0; g < kGates; ++g) sums[r][p][g] = load<T>(call.start[r] + (p * kGates + g) * width);
      }
    }
  }
  accumulate<T, kRows, kPanels, kGates, kSums, kGates - 1>(sums, call.x, call.input, call.inputs);
  accumulate<T, kRows, kPanels, kGates, kSums, kSums - 1>(sums, call.h, call.recurrent, call.units);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 8
      for (int s = 0; s < kSums; ++s) store<T>(call.out[r] + (p * kSums + s) * width, sums[r][p][s]);
    }
  }
}

// The same for the inputs alone: partial sums of the gates, for `start` of a later tile.
template <class T, int kRows, int kPanels, int kGates, int kSums>
void project(const TileCall<T>& call) {
  constexpr Index width = kWidth<T>;
  Vec<T> sums[kRows][kPanels][kGates];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 8
      for (int g = 0; g < kGates; ++g) sums[r][p][g] = load<T>(call.bias + (p * kSums + g) * width);
    }
  }
  accumulate<T, kRows, kPanels, kGates, kGates, kGates - 1>(sums, call.x, call.input, call.inputs);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 8
      for (int g = 0; g < kGates; ++g) store<T>(call.out[r] + (p * kGates + g) * width, sums[r][p][g]);
    }
  }
}

// The tiles of one shape of sums, by rows and panels.
template <class T>
struct TileTable {
  using Function = void (*)(const TileCall<T>&);
  Function tile[kMaxRows][kMaxPanels];
  Function project[kMaxRows][kMaxPanels];
};

template <class T, int kGates, int kSums, int kRows, int kPanels>
constexpr void fill(TileTable<T>& table) {
  if constexpr (kPanels <= panels_for(kRows, kSums)) {
    table.tile[kRows - 1][kPanels - 1] = &tile<T, kRows, kPanels, kGates, kSums>;
    table.project[kRows - 1][kPanels - 1] = &project<T, kRows, kPanels, kGates, kSums>;
  }
  if constexpr (kPanels < kMaxPanels) {
    fill<T, kGates, kSums, kRows, kPanels + 1>(table);
  } else if constexpr (kRows < kMaxRows) {
    fill<T, kGates, kSums, kRows + 1, 1>(table);
  }
}

template <class T, int kGates, int kSums>
constexpr TileTable<T> make_tiles() {
  TileTable<T> table{};
  fill<T, kGates, kSums, 1, 1>(table);
  return table;
}

template <class T, int kGates, int kSums>
inline constexpr TileTable<T> kTiles = make_tiles<T, kGates, kSums>();

}  // namespace gatewise::GATEWISE_ISA
