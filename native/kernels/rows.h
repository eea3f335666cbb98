// Products of many rows with one matrix, and activations of many numbers: what streams need beside recurrences.
#pragma once

#include "base/index.h"
#include "kernels/activation.h"

namespace gatewise {

// W (I, U) and b (U) in the order in which the kernels read them: [panel][k][lane] and [panel][lane].
struct Matrix {
  const float* weights = nullptr;
  const float* bias = nullptr;
  Index inputs = 0;
  Index outputs = 0;
};

// The functions of one instruction set; `Kernels` has them, and the width of a panel. Each number comes out of the same
// operations in the same order however many rows there are: that is what makes a stream's output independent of how its
// input was cut up.
struct RowKernels {
  // y[r] = b + x[r] W: b, then x_0 W_0, x_1 W_1, ..., one fused multiply-add each.
  void (*multiply)(const Matrix& matrix, const float* x, Index x_stride, float* y, Index y_stride, Index rows);
  // In place.
  void (*activate)(Activation activation, float* numbers, Index count);
};

}  // namespace gatewise
