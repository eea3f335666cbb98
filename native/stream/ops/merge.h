// Several values to one: number by number, or one after the other.
#pragma once

#include <cstring>
#include <utility>
#include <vector>

#include "stream/op.h"

namespace gatewise::stream {

enum class Merging { add, subtract, multiply, average, maximum, minimum };

class Merge final : public Op {
 public:
  Merge(Merging kind, std::vector<int> inputs, int y, Index width)
      : kind_(kind), inputs_(std::move(inputs)), y_(y), width_(width) {}

  void run(const Frame& frame) const override {
    const Index count = frame.rows() * width_;
    float* y = frame.values[y_];
    std::memcpy(y, frame.values[inputs_[0]], static_cast<std::size_t>(count) * sizeof(float));
    for (std::size_t i = 1; i < inputs_.size(); ++i) join(y, frame.values[inputs_[i]], count);
    if (kind_ != Merging::average) return;
    const auto number = static_cast<float>(inputs_.size());
    for (Index i = 0; i < count; ++i) y[i] /= number;
  }

 private:
  void join(float* y, const float* x, Index count) const {
    switch (kind_) {
      case Merging::add:
      case Merging::average:
        for (Index i = 0; i < count; ++i) y[i] += x[i];
        break;
      case Merging::subtract:
        for (Index i = 0; i < count; ++i) y[i] -= x[i];
        break;
      case Merging::multiply:
        for (Index i = 0; i < count; ++i) y[i] *= x[i];
        break;
      case Merging::maximum:  // NaN in either is NaN out
        for (Index i = 0; i < count; ++i) y[i] = x[i] > y[i] || x[i] != x[i] ? x[i] : y[i];
        break;
      case Merging::minimum:
        for (Index i = 0; i < count; ++i) y[i] = x[i] < y[i] || x[i] != x[i] ? x[i] : y[i];
        break;
    }
  }

  Merging kind_;
  std::vector<int> inputs_;
  int y_;
  Index width_;
};

// A step of each input is (outer, size); of the output (outer, sum of sizes).
class Concatenate final : public Op {
 public:
  Concatenate(std::vector<int> inputs, std::vector<Index> sizes, int y, Index outer)
      : inputs_(std::move(inputs)), sizes_(std::move(sizes)), y_(y), outer_(outer) {
    for (const Index size : sizes_) total_ += size;
  }

  void run(const Frame& frame) const override {
    float* to = frame.values[y_];
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const float* from = frame.values[inputs_[i]];
      const Index size = sizes_[i];
      for (Index row = 0; row < frame.rows() * outer_; ++row) {
        std::memcpy(to + row * total_, from + row * size, static_cast<std::size_t>(size) * sizeof(float));
      }
      to += size;
    }
  }

 private:
  std::vector<int> inputs_;
  std::vector<Index> sizes_;
  int y_;
  Index outer_;
  Index total_ = 0;
};

}  // namespace gatewise::stream
