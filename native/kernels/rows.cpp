// Compiled once for each instruction set; GATEWISE_ISA names it and its namespace.
#include "kernels/rows.h"

#include "kernels/activations.h"
#include "kernels/tile.h"

namespace gatewise::GATEWISE_ISA {
namespace {

// Rows and panels of one tile: those of a recurrence of one gate, nearly. A single panel takes more rows, so that its
// few sums do not wait for themselves.
constexpr int kRowsAtMost = rows_for(1);
constexpr int kRowsOfOnePanel = kRowsAtMost < costs::kRowsOfOnePanel ? costs::kRowsOfOnePanel : kRowsAtMost;
constexpr int rows_of(Index panels) { return panels == 1 ? kRowsOfOnePanel : kRowsAtMost; }
constexpr int panels_of(int rows) { return panels_for(rows, 1); }

constexpr Index kLanes = kWidth<float>;

struct RowsCall {
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
void multiply_tile(const RowsCall& call) {
  Sums<float, kRows, kPanels, 1, false> sums;
  sums.load_from([&](int /*r*/, int p, int /*g*/) { return call.bias + p * kLanes; });
  const float* rows[kMaxRows];
  for (int r = 0; r < kRows; ++r) rows[r] = call.x + r * call.x_stride;
  NoFetch fetch;
  sums.accumulate(rows, call.weights, call.inputs, fetch);
  for (int r = 0; r < kRows; ++r) {
    for (int p = 0; p < kPanels; ++p) {
      float* to = call.y + r * call.y_stride + p * kLanes;
      const Index left = call.outputs - p * kLanes;
      if (left >= kLanes) {
        store<float>(to, sums.at[r][p]);
      } else {
        store_some<float>(to, sums.at[r][p], left);
      }
    }
  }
}

struct RowsTable {
  void (*at[kRowsOfOnePanel][kMaxPanels])(const RowsCall&);
};

template <int kRows, int kPanels>
constexpr void fill_rows(RowsTable& table) {
  if constexpr (kRows <= rows_of(kPanels) && kPanels <= panels_of(kRows))
    table.at[kRows - 1][kPanels - 1] = &multiply_tile<kRows, kPanels>;
  if constexpr (kPanels < kMaxPanels) {
    fill_rows<kRows, kPanels + 1>(table);
  } else if constexpr (kRows < kRowsOfOnePanel) {
    fill_rows<kRows + 1, 1>(table);
  }
}

constexpr RowsTable make_rows_table() {
  RowsTable table{};
  fill_rows<1, 1>(table);
  return table;
}

constexpr RowsTable kRowsTable = make_rows_table();

void multiply(const Matrix& matrix, const float* x, Index x_stride, float* y, Index y_stride, Index rows) {
  const Index panels = (matrix.outputs + kLanes - 1) / kLanes;
  const Index tallest = rows_of(panels);
  const Index most = panels_of(static_cast<int>(lesser(rows, tallest)));
  for (Index first = 0; first < panels; first += most) {
    const Index together = panels - first < most ? panels - first : most;
    RowsCall call{};
    call.x_stride = x_stride;
    call.y_stride = y_stride;
    call.inputs = matrix.inputs;
    call.outputs = matrix.outputs - first * kLanes;
    call.weights = matrix.weights + first * matrix.inputs * kLanes;
    call.bias = matrix.bias + first * kLanes;
    for (Index row = 0; row < rows; row += tallest) {
      const Index height = lesser(rows - row, tallest);
      call.x = x + row * x_stride;
      call.y = y + row * y_stride + first * kLanes;
      kRowsTable.at[height - 1][together - 1](call);
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

extern const RowKernels kRowKernels;
const RowKernels kRowKernels = {&multiply, &activate_numbers};

}  // namespace gatewise::GATEWISE_ISA
