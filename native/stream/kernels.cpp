// Compiled once for each instruction set; GATEWISE_ISA names it and its namespace.
#include "kernels/activations.h"
#include "stream/rows.h"

namespace gatewise::GATEWISE_ISA {
namespace {

// Rows and panels of one tile: with 32 registers 6 x 4 sums leave room for weights and inputs.
constexpr int kRowsAtMost = kRegisters == 32 ? 6 : 3;
constexpr int kPanelsAtMost = kRegisters == 32 ? 4 : 3;
constexpr Index kLanes = kWidth<float>;

struct Tile {
  const float* x;
  Index x_stride;
  const float* weights;
  const float* bias;
  float* y;
  Index y_stride;
  Index inputs;
  Index outputs;  // of the tile: the last panel may be cut short
};

template <int kRows, int kPanels>
void multiply_tile(const Tile& tile) {
  Vec<float> sums[kRows][kPanels];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) sums[r][p] = load<float>(tile.bias + p * kLanes);
  }
  const float* weights = tile.weights;
  const Index panel = tile.inputs * kLanes;
  for (Index k = 0; k < tile.inputs; ++k, weights += kLanes) {
    Vec<float> w[kPanels];
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) w[p] = load<float>(weights + p * panel);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Vec<float> value = splat(tile.x[r * tile.x_stride + k]);
#pragma GCC unroll 8
      for (int p = 0; p < kPanels; ++p) sums[r][p] = fma(value, w[p], sums[r][p]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int p = 0; p < kPanels; ++p) {
      float* to = tile.y + r * tile.y_stride + p * kLanes;
      const Index left = tile.outputs - p * kLanes;
      if (left >= kLanes) {
        store<float>(to, sums[r][p]);
      } else {
        store_some<float>(to, sums[r][p], left);
      }
    }
  }
}

using TileFunction = void (*)(const Tile&);

struct TileTable {
  TileFunction at[kRowsAtMost][kPanelsAtMost];
};

template <int kRows, int kPanels>
constexpr void fill(TileTable& table) {
  table.at[kRows - 1][kPanels - 1] = &multiply_tile<kRows, kPanels>;
  if constexpr (kPanels < kPanelsAtMost) {
    fill<kRows, kPanels + 1>(table);
  } else if constexpr (kRows < kRowsAtMost) {
    fill<kRows + 1, 1>(table);
  }
}

constexpr TileTable make_table() {
  TileTable table{};
  fill<1, 1>(table);
  return table;
}

constexpr TileTable kTable = make_table();

void multiply(const stream::Matrix& matrix, const float* x, Index x_stride, float* y, Index y_stride, Index rows) {
  const Index panels = (matrix.outputs + kLanes - 1) / kLanes;
  for (Index first = 0; first < panels; first += kPanelsAtMost) {
    const Index together = panels - first < kPanelsAtMost ? panels - first : kPanelsAtMost;
    Tile tile{};
    tile.x_stride = x_stride;
    tile.y_stride = y_stride;
    tile.inputs = matrix.inputs;
    tile.outputs = matrix.outputs - first * kLanes;
    tile.weights = matrix.weights + first * matrix.inputs * kLanes;
    tile.bias = matrix.bias + first * kLanes;
    for (Index row = 0; row < rows; row += kRowsAtMost) {
      const Index height = rows - row < kRowsAtMost ? rows - row : kRowsAtMost;
      tile.x = x + row * x_stride;
      tile.y = y + row * y_stride + first * kLanes;
      kTable.at[height - 1][together - 1](tile);
    }
  }
}

template <Activation kKind>
void activate_all(float* numbers, Index count) {
  Index i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    store<float>(numbers + i, gatewise::GATEWISE_ISA::activate<float>(kKind, load<float>(numbers + i)));
  }
  if (i == count) return;
  Vec<float> rest{};
  for (Index k = 0; k < count - i; ++k) rest[k] = numbers[i + k];
  store_some<float>(numbers + i, gatewise::GATEWISE_ISA::activate<float>(kKind, rest), count - i);
}

void activate_numbers(Activation activation, float* numbers, Index count) {
  switch (activation) {
    case Activation::tanh:
      return activate_all<Activation::tanh>(numbers, count);
    case Activation::sigmoid:
      return activate_all<Activation::sigmoid>(numbers, count);
    case Activation::hard_sigmoid:
      return activate_all<Activation::hard_sigmoid>(numbers, count);
    case Activation::keras2_hard_sigmoid:
      return activate_all<Activation::keras2_hard_sigmoid>(numbers, count);
    case Activation::relu:
      return activate_all<Activation::relu>(numbers, count);
    case Activation::softsign:
      return activate_all<Activation::softsign>(numbers, count);
    case Activation::linear:
      break;
  }
}

}  // namespace

#define GATEWISE_STRING_(x) #x
#define GATEWISE_STRING(x) GATEWISE_STRING_(x)

extern const stream::RowKernels kRowKernels;
const stream::RowKernels kRowKernels = {GATEWISE_STRING(GATEWISE_ISA), kLanes, &multiply, &activate_numbers};

}  // namespace gatewise::GATEWISE_ISA
