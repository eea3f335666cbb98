// A matrix and its bias, packed for the row kernels.
#pragma once

#include "kernels/rows.h"
#include "recurrence/buffer.h"
#include "recurrence/isa.h"

namespace gatewise::stream {

class PackedMatrix {
 public:
  // weights (inputs, outputs) in row-major order with `stride` numbers from row to row; a null bias is zeros.
  PackedMatrix(const float* weights, Index stride, const float* bias, Index inputs, Index outputs) {
    const Kernels& kernels = current_kernels();
    kernels_ = kernels.rows;
    const Index width = kernels.width32;
    const Index panels = (outputs + width - 1) / width;
    auto* to = static_cast<float*>(memory_.reserve(static_cast<std::size_t>((inputs + 1) * panels * width) * 4));
    matrix_ = {to, to + inputs * panels * width, inputs, outputs};
    for (Index panel = 0; panel < panels; ++panel) {
      for (Index row = 0; row < inputs; ++row) to = pack_row(to, weights + row * stride, panel * width, width);
    }
    for (Index panel = 0; panel < panels; ++panel) to = pack_row(to, bias, panel * width, width);
  }

  Index inputs() const { return matrix_.inputs; }
  Index outputs() const { return matrix_.outputs; }

  void multiply(const float* x, Index x_stride, float* y, Index y_stride, Index rows) const {
    kernels_->multiply(matrix_, x, x_stride, y, y_stride, rows);
  }

 private:
  float* pack_row(float* to, const float* from, Index first, Index width) const {
    for (Index i = first; i < first + width; ++i) *to++ = from != nullptr && i < matrix_.outputs ? from[i] : 0.0F;
    return to;
  }

  const RowKernels* kernels_ = nullptr;
  Buffer memory_;
  Matrix matrix_;
};

}  // namespace gatewise::stream
