// The micro-kernel: kRows rows times kPanels panels of weights, every sum in a register.
//
// A sum is made in one order whatever the tile, the split over threads or the chunk of time: bias, then x_0 .. x_{I-1},
// then h_0 .. h_{H-1}, one fused multiply-add each. Storing a partial sum and taking it up again changes no bit.
#pragma once

#include "base/costs.h"
#include "base/each.h"
#include "base/simd.h"
#include "kernels/forms.h"

namespace gatewise::GATEWISE_ISA {

using costs::kFetchingRows;
using costs::kMaxPanels;

inline constexpr int kMaxSums = kRegisters == 32 ? costs::kSumsOf32 : costs::kSumsOf16;
inline constexpr int kMaxRows = 16;

// Rows of a tile at most: as many as fit, and for one or two gates fewer rows and more panels.
constexpr int rows_for(int gates) {
  const int fitting = kMaxSums / (gates < 3 ? 4 : gates);
  constexpr int most = !kFused            ? costs::kRowsUnfused
                       : kRegisters == 16 ? costs::kRowsOf16
                       : kByLane          ? costs::kRowsByLane
                                          : kMaxSums;
  return fitting > most ? most : fitting;
}

// Whether the compiler must be told to load a weight once, and not anew for each row: where a register is left beside
// the sums, the rows' numbers and the weight. Else it finds by itself how all of them fit. (Without fused products it
// needs one more.)
constexpr bool loads_once(int rows, int vectors) { return kFused && rows > 1 && rows * (vectors + 1) + 1 < kRegisters; }

constexpr int max_panels(int gates) {
  if (!kFused) return costs::kMaxPanelsUnfused;
  return gates < 3 ? kMaxPanels : costs::kMaxPanelsOfManyGates;
}

// Panels that a tile of `rows` rows may take together.
constexpr int panels_for(int rows, int gates) {
  const int most = kMaxSums / (rows * gates);
  return most > max_panels(gates) ? max_panels(gates) : (most < 1 ? 1 : most);
}

// Whether such a tile has room for the folded panel too.
constexpr bool takes_folded(int rows, int panels, int gates) {
  return panels <= max_panels(gates) && rows * (panels * gates + 1) <= kMaxSums;
}

// Memory to bring into the second-level cache while a tile works on something else: `step` elements with every two
// products, so that the requests do not crowd out the tile's own.
template <class T>
struct Fetch {
  const T* next;
  Index step;

  GATEWISE_INLINE void go_on() {
    __builtin_prefetch(next, 0, 2);
    next += step;
  }
};

struct NoFetch {
  GATEWISE_INLINE void go_on() {}
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

// The sums of a tile in one list a row: the gates of each panel, and last, where the folded panel is with them, its
// vector. That one has the place of a first gate of one more panel, in memory too.
template <class T, int kRows, int kPanels, int kGates, bool kFolded>
struct Sums {
  static constexpr int kWhole = kPanels * kGates;
  static constexpr int kVectors = kWhole + (kFolded ? 1 : 0);
  Vec<T> at[kRows][kVectors];

  // Takes up what `from(row, panel, gate)` points at.
  template <class From>
  GATEWISE_INLINE void load_from(From from) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 24
      for (int v = 0; v < kVectors; ++v) at[r][v] = load<T>(from(r, v / kGates, v % kGates));
    }
  }

  template <class To>
  GATEWISE_INLINE void store_to(To to) const {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 24
      for (int v = 0; v < kVectors; ++v) store<T>(to(r, v / kGates, v % kGates), at[r][v]);
    }
  }

  // The products of k: `weights` is its row in the first panel, `panel` further in the next, `folded` in the folded
  // one. The rows' numbers are held while the weights go by: one register for those.
  GATEWISE_INLINE void add(const T* const (&rows)[kRows], Index k, const T* weights, Index panel, const T* folded) {
    Vec<T> values[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) values[r] = splat(rows[r][k]);
#pragma GCC unroll 24
    for (int v = 0; v < kVectors; ++v) {
      Vec<T> w = load<T>(v < kWhole ? weights + (v / kGates) * panel + (v % kGates) * kWidth<T> : folded);
      if constexpr (loads_once(kRows, kVectors)) load_once<T>(w);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) at[r][v] = fma(values[r], w, at[r][v]);
    }
  }

  // The products of k and those after it, as many as a vector has lanes: the rows' numbers come in one load each.
  GATEWISE_INLINE void add_lanes(const T* const (&rows)[kRows], Index k, const T* weights, Index panel,
                                 const T* folded) {
    Vec<T> values[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) values[r] = load<T>(rows[r] + k);
    each<kWidth<T>>([&](auto lane) {
      const T* const at_lane = weights + lane * kGates * kWidth<T>;
#pragma GCC unroll 24
      for (int v = 0; v < kVectors; ++v) {
        const Vec<T> w =
            load<T>(v < kWhole ? at_lane + (v / kGates) * panel + (v % kGates) * kWidth<T> : folded + lane * kWidth<T>);
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) at[r][v] = fma_lane<lane>(values[r], w, at[r][v]);
      }
    });
  }

  // Adds `count` products, in order. Two at a time: measured, one and eight are 6% slower. Tall tiles also fetch.
  template <class Fetching>
  GATEWISE_INLINE void accumulate(const T* const* from, const T* weights, Index count, Fetching& fetch) {
    constexpr Index width = kWidth<T>;
    constexpr Index row = kGates * width;
    const T* rows[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) rows[r] = from[r];
    const Index panel = count * row;
    const T* folded = weights + kPanels * panel;
    constexpr Index together = kByLane ? width : 2;
    Index k = 0;
    for (; k + together <= count; k += together) {
      if constexpr (kByLane) {
#pragma GCC unroll 2
        for (Index i = 0; kRows >= kFetchingRows && i < width / 2; ++i) fetch.go_on();
        add_lanes(rows, k, weights, panel, folded);
      } else {
        if constexpr (kRows >= kFetchingRows) fetch.go_on();
        add(rows, k, weights, panel, folded);
        add(rows, k + 1, weights + row, panel, folded + width);
      }
      weights += together * row;
      folded += together * width;
    }
    for (; k < count; ++k, weights += row, folded += width) add(rows, k, weights, panel, folded);
  }
};

// All sums of a tile. kSums == kGates + 1 keeps the state's share of the last gate apart: the input's share is put away
// first, and the last sum begins anew. (A folded vector is put away whole: two vectors of sums, not one.)
//
// Without units they are the inputs' share, kGates sums a panel, for `start` of a later tile.
template <class T, int kRows, int kPanels, int kGates, int kSums, bool kFolded>
void tile(const TileCall<T>& call) {
  constexpr Index width = kWidth<T>;
  Sums<T, kRows, kPanels, kGates, kFolded> sums;
  if (call.start[0] != nullptr) {
    sums.load_from([&](int r, int p, int g) { return call.start[r] + (p * kGates + g) * width; });
  } else {
    sums.load_from([&](int /*r*/, int p, int g) { return call.bias + (p * kSums + g) * width; });
  }
  const auto put_away = [&] {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int p = 0; p < kPanels; ++p) {
        Vec<T>& last = sums.at[r][p * kGates + kGates - 1];
        store<T>(call.out[r] + (p * kSums + kGates - 1) * width, last);
        last = load<T>(call.bias + (p * kSums + kGates) * width);
      }
      if constexpr (kFolded) {
        constexpr Index second = (kPanels * kSums + 1) * width;
        const auto last = lane_numbers<T>() >= splat(T((kGates - 1) * width / kFold));
        Vec<T>& folded = sums.at[r][kPanels * kGates];
        store<T>(call.out[r] + second, folded);
        folded = last ? load<T>(call.bias + second) : folded;
      }
    }
  };
  Fetch<T> fetch = call.fetch;
  const T* const* rows = call.x;
  const T* weights = call.input;
  Index count = call.inputs;
  // One loop over products for both shares, not two: they are most of the engine's code, and of the time of its build.
  for (int shares = call.units != 0 ? 2 : 1;;) {
    sums.accumulate(rows, weights, count, fetch);
    if (--shares == 0) break;
    if constexpr (kSums != kGates) put_away();
    rows = call.h;
    weights = call.recurrent;
    count = call.units;
  }
  if constexpr (kSums != kGates) {
    if (call.units == 0) {
      return sums.store_to([&](int r, int p, int g) { return call.out[r] + (p * kGates + g) * width; });
    }
  }
  sums.store_to(
      [&](int r, int p, int g) { return call.out[r] + (p * kSums + (g == kGates - 1 ? kSums - 1 : g)) * width; });
}

// The tiles of one shape of sums, by rows, panels, and whether the folded panel comes after them.
template <class T>
struct TileTable {
  using Function = void (*)(const TileCall<T>&);
  Function tile[rows_for(3)][kMaxPanels + 1][2];
};

template <class T, int kGates, int kSums, int kRows, int kPanels, bool kFolded>
constexpr void fill_one(TileTable<T>& table) {
  table.tile[kRows - 1][kPanels][kFolded] = &tile<T, kRows, kPanels, kGates, kSums, kFolded>;
}

template <class T, int kGates, int kSums, int kRows, int kPanels>
constexpr void fill(TileTable<T>& table) {
  if constexpr (kPanels > 0 && kPanels <= panels_for(kRows, kGates)) {
    fill_one<T, kGates, kSums, kRows, kPanels, false>(table);
  }
  if constexpr (folds(kGates, kWidth<T>) && takes_folded(kRows, kPanels, kGates)) {
    fill_one<T, kGates, kSums, kRows, kPanels, true>(table);
  }
  if constexpr (kPanels < kMaxPanels) {
    fill<T, kGates, kSums, kRows, kPanels + 1>(table);
  } else if constexpr (kRows < rows_for(kGates)) {
    fill<T, kGates, kSums, kRows + 1, 0>(table);
  }
}

template <class T, int kGates, int kSums>
constexpr TileTable<T> make_tiles() {
  TileTable<T> table{};
  fill<T, kGates, kSums, 1, 0>(table);
  return table;
}

template <class T, int kGates, int kSums>
inline constexpr TileTable<T> kTiles = make_tiles<T, kGates, kSums>();

// The tiles of the phase P, chosen by their sizes. (amx_tiles.h has others.)
template <class T>
struct VectorTiles {
  template <class P>
  static void tile(int rows, int panels, bool folded, const TileCall<T>& call) {
    kTiles<T, P::kGates, P::kSums>.tile[rows - 1][panels][folded](call);
  }
};

}  // namespace gatewise::GATEWISE_ISA
