// y = x W + b on the last axis: `groups` vectors a step, each multiplied by the same matrix.
#pragma once

#include "stream/matrix.h"
#include "stream/op.h"

namespace gatewise::stream {

class Dense final : public Op {
 public:
  Dense(int x, int y, Index groups, const float* kernel, const float* bias, Index inputs, Index units)
      : x_(x), y_(y), groups_(groups), matrix_(kernel, units, bias, inputs, units) {}

  void run(const Frame& frame) const override {
    matrix_.multiply(frame.values[x_], matrix_.inputs(), frame.values[y_], matrix_.outputs(), frame.rows() * groups_);
  }

  double work() const override { return static_cast<double>(groups_ * matrix_.inputs() * matrix_.outputs()); }

 private:
  int x_;
  int y_;
  Index groups_;
  PackedMatrix matrix_;
};

}  // namespace gatewise::stream
