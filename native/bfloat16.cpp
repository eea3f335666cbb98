// Products of bfloat16 numbers on AMX's tile registers: compiled for machines that have them, in a namespace of its
// own.
//
// Weights, inputs and states are rounded to bfloat16 for the products alone; sums, cells and outputs stay float. Two
// neighbouring numbers share one lane, so that packed panels look as they do for float, with half the rows: a tile of
// weights is 16 such rows of one gate, and a tile of inputs 16 rows of the batch. A sum is made in the same order
// whatever the tile's height, so that results do not depend on the batch or on threads. (AMX takes denormals for
// zeros.)
#include <immintrin.h>

#include <type_traits>

#include "cells/gru.h"
#include "cells/gru_reset_after.h"
#include "cells/lstm.h"
#include "cells/simple_rnn.h"
#include "driver.h"

namespace gatewise::GATEWISE_ISA {
namespace {

constexpr Index kTileRows = 16;  // rows of a tile, and pairs of one of its rows

// The shapes of the eight tile registers, as LDTILECFG reads them.
struct alignas(64) TileShapes {
  std::uint8_t palette = 1;
  std::uint8_t start = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t bytes[16] = {};
  std::uint8_t rows[16] = {};

  // Sums in 0 to 3 and inputs in 4 have `height` rows, weights in 5 to 7 sixteen.
  explicit TileShapes(int height) {
    for (int i = 0; i < 8; ++i) {
      bytes[i] = 64;
      rows[i] = static_cast<std::uint8_t>(i < 5 ? height : kTileRows);
    }
  }
};
static_assert(sizeof(TileShapes) == 64, "LDTILECFG reads 64 bytes");

class PairTiles {
 public:
  static constexpr bool kPairs = true;

  static constexpr int rows_for(int /*gates*/) { return static_cast<int>(kTileRows); }
  static constexpr int panels_for(int /*rows*/, int /*gates*/) { return 1; }

  PairTiles() = default;
  PairTiles(const PairTiles&) = delete;
  PairTiles& operator=(const PairTiles&) = delete;
  ~PairTiles() {
    if (height_ != 0) _tile_release();
  }

  template <class P>
  void tile(int rows, int /*panels*/, const TileCall<float>& call) {
    shape(rows);
    const bool begun = call.start[0] != nullptr;
    const Index step = begun ? bytes_between(call.start, rows) : 0;  // a step of 0 gives every row the bias
    load_sums<P::kGates>(begun ? call.start[0] : call.bias, step);
    multiply<P::kGates>(call.x, rows, call.input, call.inputs);
    const Index out = bytes_between(call.out, rows);
    if constexpr (P::kSums != P::kGates) {
      constexpr int last = P::kGates - 1;
      store_sum<last>(call.out[0] + last * kWidth<float>, out);
      load_sum<last>(call.bias + P::kGates * kWidth<float>, 0);
    }
    multiply<P::kGates>(call.h, rows, call.recurrent, call.units);
    store_sums<P::kGates, P::kSums>(call.out[0], out);
  }

  template <class P>
  void project(int rows, int /*panels*/, const TileCall<float>& call) {
    shape(rows);
    load_sums<P::kGates>(call.bias, 0);
    multiply<P::kGates>(call.x, rows, call.input, call.inputs);
    store_sums<P::kGates, P::kGates>(call.out[0], bytes_between(call.out, rows));
  }

  // Rounds one vector to half as many lanes.
  GATEWISE_INLINE static void round(float* to, Vec<float> v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(v)));
  }

  // Rounds `count` numbers into `pairs` lanes, zeros after the last.
  static void round(float* to, const float* from, Index count, Index pairs) {
    for (Index i = 0; i < 2 * pairs; i += kWidth<float>) {
      const Index left = count - i < 0 ? 0 : lesser(count - i, kWidth<float>);
      round(to + i / 2, _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << left) - 1U), from + (left != 0 ? i : 0)));
    }
  }

  static void clear(float* to, Index begin, Index end) {
    for (Index i = begin; i < end; ++i) to[i] = 0;
  }

 private:
  void shape(int height) {
    if (height == height_) return;
    const TileShapes shapes(height);
    _tile_loadconfig(&shapes);
    height_ = height;
  }

  template <class Pointer>
  static Index bytes_between(const Pointer (&rows)[kMaxRows], int count) {
    return count > 1 ? (rows[1] - rows[0]) * static_cast<Index>(sizeof(float)) : 64;
  }

  // The names of tile registers are part of the instruction: hence one line for each.
  template <int kSum>
  GATEWISE_INLINE static void load_sum(const float* from, Index step) {
    if constexpr (kSum == 0) _tile_loadd(0, from, step);
    if constexpr (kSum == 1) _tile_loadd(1, from, step);
    if constexpr (kSum == 2) _tile_loadd(2, from, step);
    if constexpr (kSum == 3) _tile_loadd(3, from, step);
  }

  template <int kSum>
  GATEWISE_INLINE static void store_sum(float* to, Index step) {
    if constexpr (kSum == 0) _tile_stored(0, to, step);
    if constexpr (kSum == 1) _tile_stored(1, to, step);
    if constexpr (kSum == 2) _tile_stored(2, to, step);
    if constexpr (kSum == 3) _tile_stored(3, to, step);
  }

  template <int kGates>
  GATEWISE_INLINE static void load_sums(const float* from, Index step) {
    load_sum<0>(from, step);
    if constexpr (kGates > 1) load_sum<1>(from + kWidth<float>, step);
    if constexpr (kGates > 2) load_sum<2>(from + 2 * kWidth<float>, step);
    if constexpr (kGates > 3) load_sum<3>(from + 3 * kWidth<float>, step);
  }

  template <int kGates, int kSums>
  GATEWISE_INLINE static void store_sums(float* to, Index step) {
    constexpr Index width = kWidth<float>;
    if constexpr (kGates > 1) store_sum<0>(to, step);
    if constexpr (kGates > 2) store_sum<1>(to + width, step);
    if constexpr (kGates > 3) store_sum<2>(to + 2 * width, step);
    store_sum<kGates - 1>(to + (kSums - 1) * width, step);
  }

  // sums += rows * weights: 16 pairs of every row at a time.
  template <int kGates>
  GATEWISE_INLINE static void multiply(const float* const (&rows)[kMaxRows], int height, const float* weights,
                                       Index pairs) {
    constexpr Index width = kWidth<float>;
    constexpr Index row = kGates * width * static_cast<Index>(sizeof(float));
    const Index between = pairs != 0 ? bytes_between(rows, height) : 0;
    for (Index k = 0; k < pairs; k += kTileRows) {
      _tile_loadd(4, rows[0] + k, between);
      _tile_loadd(5, weights, row);
      _tile_dpbf16ps(0, 4, 5);
      if constexpr (kGates > 1) {
        _tile_loadd(6, weights + width, row);
        _tile_dpbf16ps(1, 4, 6);
      }
      if constexpr (kGates > 2) {
        _tile_loadd(7, weights + 2 * width, row);
        _tile_dpbf16ps(2, 4, 7);
      }
      if constexpr (kGates > 3) {
        _tile_loadd(5, weights + 3 * width, row);
        _tile_dpbf16ps(3, 4, 5);
      }
      weights += kTileRows * kGates * width;
    }
  }

  int height_ = 0;
};

template <class CellType>
void run_cell(const Layer<float>& layer, const Sequence<float>& call, const Plan& plan, const Workspace<float>& space,
              Team& team, Index member) {
  const bool usual = layer.activation == Activation::tanh && layer.recurrent_activation == Activation::sigmoid;
  if (usual) {
    using Act = Fixed<float, Activation::tanh>;
    using Gate = Fixed<float, Activation::sigmoid>;
    Driver<float, CellType, Act, Gate, PairTiles>(layer, call, plan, space, team, member, Act{}, Gate{}).run();
  } else {
    using Any = Chosen<float>;
    Driver<float, CellType, Any, Any, PairTiles>(layer, call, plan, space, team, member, Any{layer.activation},
                                                 Any{layer.recurrent_activation})
        .run();
  }
}

void run(const Layer<float>& layer, const Sequence<float>& call, const Plan& plan, const Workspace<float>& space,
         Team& team, Index member) {
  switch (layer.cell) {
    case Cell::simple:
      return run_cell<SimpleRnn>(layer, call, plan, space, team, member);
    case Cell::lstm:
      return run_cell<Lstm>(layer, call, plan, space, team, member);
    case Cell::gru:
      return run_cell<Gru>(layer, call, plan, space, team, member);
    case Cell::gru_reset_after:
      return run_cell<GruResetAfter>(layer, call, plan, space, team, member);
  }
}

}  // namespace

extern const Kernels kKernels;
const Kernels kKernels = {"amx", kWidth<float>, 0, &run, nullptr};

}  // namespace gatewise::GATEWISE_ISA
