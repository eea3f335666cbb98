// Causal convolution over time; its state in the record is the past that a window reaches back to, oldest step first.
#pragma once

#include <cstring>
#include <vector>

#include "stream/matrix.h"
#include "stream/op.h"

namespace gatewise::stream {

struct ConvolutionShape {
  Index inputs = 0;   // I
  Index filters = 0;  // F
  Index taps = 1;     // K
  Index dilation = 1;
  Index groups = 1;

  Index past() const { return (taps - 1) * dilation; }  // steps
};

class Convolution final : public Op {
 public:
  // kernel (K, I / groups, F).
  Convolution(int x, int y, Index offset, const ConvolutionShape& shape, const float* kernel, const float* bias)
      : x_(x), y_(y), offset_(offset), shape_(shape) {
    const Index filters = shape.filters / shape.groups;
    for (Index g = 0; g < shape.groups; ++g) {
      const float* own_bias = bias == nullptr ? nullptr : bias + g * filters;
      parts_.emplace_back(kernel + g * filters, shape.filters, own_bias, shape.taps * features(), filters);
    }
  }

  // Two areas: the past and the input of one stream in a row; and windows where they do not lie there as they are.
  std::size_t scratch(Index /*batch*/, Index steps) const override {
    return static_cast<std::size_t>((shape_.past() + steps) * shape_.inputs + steps * window());
  }

  double work() const override { return static_cast<double>(window() * shape_.filters); }

  void run(const Frame& frame) const override {
    for (Index b = 0; b < frame.batch; ++b) run_stream(frame, b);
  }

 private:
  Index features() const { return shape_.inputs / shape_.groups; }
  Index window() const { return shape_.taps * features(); }

  static void copy(float* to, const float* from, Index count) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
  }

  void run_stream(const Frame& frame, Index b) const {
    const Index past = shape_.past() * shape_.inputs;
    const Index here = frame.steps * shape_.inputs;
    float* line = frame.scratch;
    if (past != 0) copy(line, frame.state[b] + offset_, past);
    copy(line + past, frame.values[x_] + b * here, here);
    float* y = frame.values[y_] + b * frame.steps * shape_.filters;
    for (Index g = 0; g < shape_.groups; ++g) {
      const PackedMatrix& part = parts_[static_cast<std::size_t>(g)];
      const float* windows = line;
      Index stride = shape_.inputs;
      if (shape_.groups > 1 || (shape_.dilation > 1 && shape_.taps > 1)) {
        windows = gather(line, line + past + here, frame.steps, g);
        stride = window();
      }
      part.multiply(windows, stride, y + g * part.outputs(), shape_.filters, frame.steps);
    }
    if (past != 0) copy(frame.next[b] + offset_, line + here, past);
  }

  const float* gather(const float* line, float* to, Index steps, Index group) const {
    for (Index t = 0; t < steps; ++t) {
      for (Index k = 0; k < shape_.taps; ++k) {
        const float* from = line + (t + k * shape_.dilation) * shape_.inputs + group * features();
        copy(to + t * window() + k * features(), from, features());
      }
    }
    return to;
  }

  int x_;
  int y_;
  Index offset_;
  ConvolutionShape shape_;
  std::vector<PackedMatrix> parts_;
};

}  // namespace gatewise::stream
