// The micro-kernel: kRows rows times kPanels panels of weights, every sum in a register.
//
// A sum is made in one order whatever the tile, the split over threads or the chunk of time: bias, then x_0 .. x_{I-1},
// then h_0 .. h_{H-1}, one fused multiply-add each. Storing a partial sum and taking it up again changes no bit.
#pragma once

#include "simd.h"

namespace gatewise::GATEWISE_ISA {

// Sums that registers hold; those left over are for weights and inputs.
inline constexpr int kMaxSums = kRegisters == 32 ? 24 : 12;
inline constexpr int kMaxRows = 16;
inline constexpr int kMaxPanels = 4;

// Lower tiles are bound by loads, and have none to spare.
inline constexpr int kFetchingRows = 3;

// Rows of a tile at most: as many as fit, and for one or two gates fewer rows and more panels.
constexpr int rows_for(int gates) { return kMaxSums / (gates < 3 ? 4 : gates); }

// GCC has the products of two and three rows fetch a weight anew each, which is half as slow again, unless it is told
// to load it once; and then it runs out of registers before their number.
constexpr bool loads_once(int rows) { return rows == 2 || rows == 3; }
inline constexpr int kMaxSumsLoadedOnce = kRegisters == 32 ? 20 : 12;

// Panels that a tile of `rows` rows may take together. (For one row of three gates two panels are 10% faster than four:
// six sums suffice to hide the latency, and more of the weights met last are still near when the next step begins.)
constexpr int panels_for(int rows, int gates) {
  const int limit = gates == 3 ? 2 : kMaxPanels;
  const int most = (loads_once(rows) ? kMaxSumsLoadedOnce : kMaxSums) / (rows * gates);
  return most > limit ? limit : (most < 1 ? 1 : most);
}

// Memory to bring into the second-level cache while a tile works on something else: `step` elements with every two
// products, so that the requests do not crowd out the tile's own.
template <class T>
struct Fetch {
  const T* next;
  Index step;
};

template <class T>
struct TileCall {
  const T* x[kMaxRows];      // a row of inputs each
  const T* h[kMaxRows];      // a row of states each
  const T* start[kMaxRows];  // partial sums to take up, [panel][gate][lane]; null in the first: begin with the bias
  T* out[kMaxRows];          // [panel][sum][lane]
  const T* input;            // panels of weights
  const T* recurrent;
  const T* bias;
  Index inputs;
  Index units;
  Fetch<T> fetch;
};

// Rows of a tile of a folded panel at most: one sum each.
inline constexpr int kFoldedRows = 8;

template <class T, int kRows, int kPanels, int kGates>
struct Sums {
  Vec<T> at[kRows][kPanels][kGates];

  // Takes up what `from(row, panel, gate)` points at.
  template <class From>
  GATEWISE_INLINE void load_from(From from) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 8
        for (int g = 0; g < kGates; ++g) at[r][p][g] = load<T>(from(r, p, g));
      }
    }
  }

  template <class To>
  GATEWISE_INLINE void store_to(To to) const {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 8
        for (int g = 0; g < kGates; ++g) store<T>(to(r, p, g), at[r][p][g]);
      }
    }
  }

  // at[row][panel][gate] += rows[row][k] * weights[panel][gate]
  GATEWISE_INLINE void add(const T* const (&rows)[kRows], Index k, const T* weights, Index panel) {
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) {
      Vec<T> w[kGates];
#pragma GCC unroll 8
      for (int g = 0; g < kGates; ++g) {
        w[g] = load<T>(weights + p * panel + g * kWidth<T>);
        if constexpr (loads_once(kRows)) load_once<T>(w[g]);
      }
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const Vec<T> value = splat(rows[r][k]);
#pragma GCC unroll 8
        for (int g = 0; g < kGates; ++g) at[r][p][g] = fma(value, w[g], at[r][p][g]);
      }
    }
  }

  // Adds `count` products, in order. Two at a time: measured, one and eight are 6% slower. Tall tiles also fetch.
  GATEWISE_INLINE void accumulate(const T* const (&from)[kMaxRows], const T* weights, Index count, Fetch<T>& fetch) {
    constexpr Index row = kGates * kWidth<T>;
    const T* rows[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) rows[r] = from[r];
    const Index panel = count * row;
    const Index pairs = count / 2;
    for (Index i = 0; i < pairs; ++i) {
      if constexpr (kRows >= kFetchingRows) {
        __builtin_prefetch(fetch.next, 0, 2);
        fetch.next += fetch.step;
      }
      add(rows, 2 * i, weights, panel);
      add(rows, 2 * i + 1, weights + row, panel);
      weights += 2 * row;
    }
    if (count % 2 != 0) add(rows, count - 1, weights, panel);
  }
};

// All sums of a tile. kSums == kGates + 1 keeps the state's share of the last gate apart: the input's share is put away
// first, and the last sum begins anew.
template <class T, int kRows, int kPanels, int kGates, int kSums>
void tile(const TileCall<T>& call) {
  constexpr Index width = kWidth<T>;
  Sums<T, kRows, kPanels, kGates> sums;
  if (call.start[0] != nullptr) {
    sums.load_from([&](int r, int p, int g) { return call.start[r] + (p * kGates + g) * width; });
  } else {
    sums.load_from([&](int /*r*/, int p, int g) { return call.bias + (p * kSums + g) * width; });
  }
  Fetch<T> fetch = call.fetch;
  sums.accumulate(call.x, call.input, call.inputs, fetch);
  if constexpr (kSums != kGates) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int p = 0; p < kPanels; ++p) {
        store<T>(call.out[r] + (p * kSums + kGates - 1) * width, sums.at[r][p][kGates - 1]);
        sums.at[r][p][kGates - 1] = load<T>(call.bias + (p * kSums + kGates) * width);
      }
    }
  }
  sums.accumulate(call.h, call.recurrent, call.units, fetch);
  sums.store_to(
      [&](int r, int p, int g) { return call.out[r] + (p * kSums + (g == kGates - 1 ? kSums - 1 : g)) * width; });
}

// The inputs' share alone: partial sums of the gates, for `start` of a later tile.
template <class T, int kRows, int kPanels, int kGates, int kSums>
void project(const TileCall<T>& call) {
  constexpr Index width = kWidth<T>;
  Sums<T, kRows, kPanels, kGates> sums;
  sums.load_from([&](int /*r*/, int p, int g) { return call.bias + (p * kSums + g) * width; });
  Fetch<T> fetch = call.fetch;
  sums.accumulate(call.x, call.input, call.inputs, fetch);
  sums.store_to([&](int r, int p, int g) { return call.out[r] + (p * kGates + g) * width; });
}

// All sums of a tile of a folded panel: kSums - kGates + 1 vectors a row. Where the state's share of the last gate is
// to stay apart, the second vector has the inputs' share, and the last gate of the first begins anew.
template <class T, int kRows, int kGates, int kSums>
void folded_tile(const TileCall<T>& call) {
  Sums<T, kRows, 1, 1> sums;
  if (call.start[0] != nullptr) {
    sums.load_from([&](int r, int /*p*/, int /*g*/) { return call.start[r]; });
  } else {
    sums.load_from([&](int /*r*/, int /*p*/, int /*g*/) { return call.bias; });
  }
  Fetch<T> fetch = call.fetch;
  sums.accumulate(call.x, call.input, call.inputs, fetch);
  if constexpr (kSums != kGates) {
    const Vec<T> anew = load<T>(call.bias + kWidth<T>);
    const auto last = lane_numbers<T>() >= splat(T((kGates - 1) * kWidth<T> / kFold));
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      store<T>(call.out[r] + kWidth<T>, sums.at[r][0][0]);
      sums.at[r][0][0] = last ? anew : sums.at[r][0][0];
    }
  }
  sums.accumulate(call.h, call.recurrent, call.units, fetch);
  sums.store_to([&](int r, int /*p*/, int /*g*/) { return call.out[r]; });
}

// The tiles of one shape of sums, by rows and panels.
template <class T>
struct TileTable {
  using Function = void (*)(const TileCall<T>&);
  Function tile[rows_for(3)][kMaxPanels];
  Function project[rows_for(3)][kMaxPanels];
  Function folded_tile[kFoldedRows];
  Function folded_project[kFoldedRows];
};

template <class T, int kGates, int kSums, int kRows, int kPanels>
constexpr void fill(TileTable<T>& table) {
  if constexpr (kPanels <= panels_for(kRows, kGates)) {
    table.tile[kRows - 1][kPanels - 1] = &tile<T, kRows, kPanels, kGates, kSums>;
    table.project[kRows - 1][kPanels - 1] = &project<T, kRows, kPanels, kGates, kSums>;
  }
  if constexpr (kPanels < kMaxPanels) {
    fill<T, kGates, kSums, kRows, kPanels + 1>(table);
  } else if constexpr (kRows < rows_for(kGates)) {
    fill<T, kGates, kSums, kRows + 1, 1>(table);
  }
}

template <class T, int kGates, int kSums, int kRows>
constexpr void fill_folded(TileTable<T>& table) {
  table.folded_tile[kRows - 1] = &folded_tile<T, kRows, kGates, kSums>;
  table.folded_project[kRows - 1] = &project<T, kRows, 1, 1, 1>;
  if constexpr (kRows < kFoldedRows) fill_folded<T, kGates, kSums, kRows + 1>(table);
}

template <class T, int kGates, int kSums>
constexpr TileTable<T> make_tiles() {
  TileTable<T> table{};
  fill<T, kGates, kSums, 1, 1>(table);
  if constexpr (kGates >= 3) fill_folded<T, kGates, kSums, 1>(table);
  return table;
}

template <class T, int kGates, int kSums>
inline constexpr TileTable<T> kTiles = make_tiles<T, kGates, kSums>();

// How the driver multiplies: with the vectors of this instruction set. (amx.cpp has others.)
template <class T>
struct VectorTiles {
  static constexpr int kParts = 0;

  static constexpr int rows_for(int gates) { return GATEWISE_ISA::rows_for(gates); }
  static constexpr int panels_for(int rows, int gates) { return GATEWISE_ISA::panels_for(rows, gates); }

  template <class P>
  void tile(int rows, int panels, const TileCall<T>& call) {
    kTiles<T, P::kGates, P::kSums>.tile[rows - 1][panels - 1](call);
  }

  template <class P>
  void project(int rows, int panels, const TileCall<T>& call) {
    kTiles<T, P::kGates, P::kSums>.project[rows - 1][panels - 1](call);
  }

  template <class P>
  void folded_tile(int rows, const TileCall<T>& call) {
    kTiles<T, P::kGates, P::kSums>.folded_tile[rows - 1](call);
  }

  template <class P>
  void folded_project(int rows, const TileCall<T>& call) {
    kTiles<T, P::kGates, P::kSums>.folded_project[rows - 1](call);
  }
};

}  // namespace gatewise::GATEWISE_ISA
