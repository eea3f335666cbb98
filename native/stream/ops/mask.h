// Masks (B, T): where they come from, and how two become one.
#pragma once

#include "stream/op.h"

namespace gatewise::stream {

// Embedding with mask_zero: a step counts where its id is not 0.
class MaskZero final : public Op {
 public:
  MaskZero(int ids, int mask) : ids_(ids), mask_(mask) {}

  void run(const Frame& frame) const override {
    for (Index i = 0; i < frame.rows(); ++i) frame.masks[mask_][i] = frame.ids[ids_][i] != 0 ? 1 : 0;
  }

 private:
  int ids_;
  int mask_;
};

// Masking: a step counts where any feature differs from `value`; the others become zero.
class Masking final : public Op {
 public:
  Masking(int x, int y, int mask, Index width, float value) : x_(x), y_(y), mask_(mask), width_(width), value_(value) {}

  void run(const Frame& frame) const override {
    for (Index row = 0; row < frame.rows(); ++row) {
      const float* x = frame.values[x_] + row * width_;
      float* y = frame.values[y_] + row * width_;
      bool counts = false;
      for (Index i = 0; i < width_; ++i) counts = counts || x[i] != value_;
      frame.masks[mask_][row] = counts ? 1 : 0;
      for (Index i = 0; i < width_; ++i) y[i] = counts ? x[i] : 0.0F;
    }
  }

 private:
  int x_;
  int y_;
  int mask_;
  Index width_;
  float value_;
};

class CombineMasks final : public Op {
 public:
  CombineMasks(int first, int second, int mask, bool any) : first_(first), second_(second), mask_(mask), any_(any) {}

  void run(const Frame& frame) const override {
    const std::uint8_t* a = frame.masks[first_];
    const std::uint8_t* b = frame.masks[second_];
    for (Index i = 0; i < frame.rows(); ++i) {
      frame.masks[mask_][i] = static_cast<std::uint8_t>(any_ ? a[i] | b[i] : a[i] & b[i]);
    }
  }

 private:
  int first_;
  int second_;
  int mask_;
  bool any_;
};

}  // namespace gatewise::stream
