// Activations: number by number, with a slope a number (PReLU), and along the last axis (softmax).
#pragma once

#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "kernels/rows.h"
#include "recurrence/isa.h"
#include "stream/costs.h"
#include "stream/functions.h"
#include "stream/op.h"

namespace gatewise::stream {

// The engine's own activations, on vectors. All three may work in place.
class Activate final : public Op {
 public:
  Activate(int x, int y, Index width, Activation activation)
      : kernels_(current_kernels().rows), x_(x), y_(y), width_(width), activation_(activation) {}

  void run(const Frame& frame) const override {
    const Index count = frame.rows() * width_;
    if (x_ != y_) std::memcpy(frame.values[y_], frame.values[x_], static_cast<std::size_t>(count) * sizeof(float));
    kernels_->activate(activation_, frame.values[y_], count);
  }

 private:
  const RowKernels* kernels_;
  int x_;
  int y_;
  Index width_;
  Activation activation_;
};

// The others.
class Apply final : public Op {
 public:
  Apply(int x, int y, Index width, double (*function)(double, const Parameters&), const Parameters& parameters)
      : x_(x), y_(y), width_(width), function_(function), parameters_(parameters) {}

  void run(const Frame& frame) const override {
    const float* x = frame.values[x_];
    float* y = frame.values[y_];
    for (Index i = 0; i < frame.rows() * width_; ++i) {
      y[i] = static_cast<float>(function_(static_cast<double>(x[i]), parameters_));
    }
  }

  double work() const override { return costs::kFunctionWork * static_cast<double>(width_); }

 private:
  int x_;
  int y_;
  Index width_;
  double (*function_)(double x, const Parameters& parameters);
  Parameters parameters_;
};

class PRelu final : public Op {
 public:
  PRelu(int x, int y, std::vector<float> alpha) : x_(x), y_(y), alpha_(std::move(alpha)) {}

  void run(const Frame& frame) const override {
    const float* x = frame.values[x_];
    float* y = frame.values[y_];
    for (Index row = 0; row < frame.rows(); ++row) {
      for (const float alpha : alpha_) {
        *y++ = *x > 0 ? *x : alpha * *x;
        ++x;
      }
    }
  }

 private:
  int x_;
  int y_;
  std::vector<float> alpha_;
};

// exp(x - most) / sum along each vector of `size` numbers; with `log`, its logarithm.
class Softmax final : public Op {
 public:
  Softmax(int x, int y, Index width, Index size, bool log) : x_(x), y_(y), width_(width), size_(size), log_(log) {}

  void run(const Frame& frame) const override {
    for (Index row = 0; row < frame.rows() * (width_ / size_); ++row) {
      vector(frame.values[x_] + row * size_, frame.values[y_] + row * size_);
    }
  }

  double work() const override { return costs::kFunctionWork * static_cast<double>(width_); }

 private:
  void vector(const float* x, float* y) const {
    double most = static_cast<double>(x[0]);
    for (Index i = 1; i < size_; ++i) {
      const auto value = static_cast<double>(x[i]);
      most = value > most || value != value ? value : most;
    }
    double sum = 0;
    for (Index i = 0; i < size_; ++i) sum += std::exp(static_cast<double>(x[i]) - most);
    const double log_sum = std::log(sum);
    for (Index i = 0; i < size_; ++i) {
      const double away = static_cast<double>(x[i]) - most;
      y[i] = static_cast<float>(log_ ? away - log_sum : std::exp(away) / sum);
    }
  }

  int x_;
  int y_;
  Index width_;
  Index size_;
  bool log_;
};

}  // namespace gatewise::stream
