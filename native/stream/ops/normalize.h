// Normalisation at inference.
#pragma once

#include <cmath>
#include <utility>
#include <vector>

#include "stream/op.h"

namespace gatewise::stream {

// y = x * scale + shift, with scale and shift repeated over the step: BatchNormalization with its moving averages
// folded.
class ScaleShift final : public Op {
 public:
  ScaleShift(int x, int y, Index width, std::vector<float> scale, std::vector<float> shift)
      : x_(x), y_(y), width_(width), scale_(std::move(scale)), shift_(std::move(shift)) {}

  void run(const Frame& frame) const override {
    const auto period = static_cast<Index>(scale_.size());
    const float* x = frame.values[x_];
    float* y = frame.values[y_];
    for (Index row = 0; row < frame.rows() * (width_ / period); ++row, x += period, y += period) {
      for (Index i = 0; i < period; ++i) {
        y[i] = x[i] * scale_[static_cast<std::size_t>(i)] + shift_[static_cast<std::size_t>(i)];
      }
    }
  }

 private:
  int x_;
  int y_;
  Index width_;
  std::vector<float> scale_;
  std::vector<float> shift_;
};

// LayerNormalization over the last axis: y = (x - mean) / sqrt(variance + epsilon) * gamma + beta.
class LayerNorm final : public Op {
 public:
  LayerNorm(int x, int y, Index groups, double epsilon, std::vector<float> gamma, std::vector<float> beta)
      : x_(x), y_(y), groups_(groups), epsilon_(epsilon), gamma_(std::move(gamma)), beta_(std::move(beta)) {}

  void run(const Frame& frame) const override {
    const auto size = static_cast<Index>(gamma_.size());
    for (Index row = 0; row < frame.rows() * groups_; ++row) {
      normalize(frame.values[x_] + row * size, frame.values[y_] + row * size, size);
    }
  }

 private:
  void normalize(const float* x, float* y, Index size) const {
    double mean = 0;
    for (Index i = 0; i < size; ++i) mean += static_cast<double>(x[i]);
    mean /= static_cast<double>(size);
    double variance = 0;
    for (Index i = 0; i < size; ++i) {
      const double away = static_cast<double>(x[i]) - mean;
      variance += away * away;
    }
    const double scale = 1 / std::sqrt(variance / static_cast<double>(size) + epsilon_);
    for (Index i = 0; i < size; ++i) {
      const auto k = static_cast<std::size_t>(i);
      const double normal = (static_cast<double>(x[i]) - mean) * scale;
      y[i] = static_cast<float>(normal * static_cast<double>(gamma_[k]) + static_cast<double>(beta_[k]));
    }
  }

  int x_;
  int y_;
  Index groups_;
  double epsilon_;
  std::vector<float> gamma_;
  std::vector<float> beta_;
};

}  // namespace gatewise::stream
