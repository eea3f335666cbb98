// A recurrent layer; its state in the record is h (H), and for LSTM then c (H).
#pragma once

#include <cstring>
#include <utility>

#include "recurrence/recurrence.h"
#include "stream/op.h"

namespace gatewise::stream {

class Recurrent final : public Op {
 public:
  // `mask` is the number of a mask, or -1.
  Recurrent(int x, int y, int mask, Index offset, bool zero_masked, gatewise::Recurrence<float> recurrence)
      : x_(x), y_(y), mask_(mask), offset_(offset), zero_masked_(zero_masked), recurrence_(std::move(recurrence)) {}

  std::size_t scratch(Index batch, Index /*steps*/) const override {
    return static_cast<std::size_t>(batch * layer().units * layer().states);
  }

  double work() const override {
    return static_cast<double>((layer().inputs + layer().units) * layer().units * gates_of(layer().cell));
  }

  void run(const Frame& frame) const override {
    Sequence<float> call;
    call.batch = frame.batch;
    call.steps = frame.steps;
    call.x = frame.values[x_];
    call.x_batch = frame.steps * layer().inputs;
    call.x_time = layer().inputs;
    call.y = frame.values[y_];
    call.sequences = true;
    call.zero_masked = zero_masked_;
    call.independent = frame.independent;
    if (mask_ >= 0) {
      call.mask = frame.masks[mask_];
      call.mask_batch = frame.steps;
      call.mask_time = 1;
    }
    for (int i = 0; i < layer().states; ++i) {
      call.initial[i] = frame.state + offset_ + i * layer().units;
      call.initial_batch[i] = frame.record;
      call.initial_unit[i] = 1;
      call.last[i] = frame.scratch + i * frame.batch * layer().units;
    }
    recurrence_.forward(call, frame.threads);
    for (int i = 0; i < layer().states; ++i) keep_state(frame, i, call.last[i]);
    if (call.mask != nullptr && !zero_masked_) repeat_last(frame, call.mask);
  }

 private:
  const PackedLayer<float>& layer() const { return recurrence_.layer(); }
  std::size_t bytes() const { return static_cast<std::size_t>(layer().units) * sizeof(float); }

  void keep_state(const Frame& frame, int which, const float* last) const {
    float* to = frame.next + offset_ + which * layer().units;
    for (Index b = 0; b < frame.batch; ++b) std::memcpy(to + b * frame.record, last + b * layer().units, bytes());
  }

  // A masked step repeats the output before it, which at the start of a call is the state that the stream came with.
  void repeat_last(const Frame& frame, const std::uint8_t* mask) const {
    for (Index b = 0; b < frame.batch; ++b) {
      for (Index t = 0; t < frame.steps && mask[b * frame.steps + t] == 0; ++t) {
        std::memcpy(frame.values[y_] + (b * frame.steps + t) * layer().units, frame.state + b * frame.record + offset_,
                    bytes());
      }
    }
  }

  int x_;
  int y_;
  int mask_;
  Index offset_;
  bool zero_masked_;
  gatewise::Recurrence<float> recurrence_;
};

// Part of the state as a value, for layers with `return_state`. The program then goes one step at a time.
class TakeState final : public Op {
 public:
  TakeState(int y, Index offset, Index width) : y_(y), offset_(offset), width_(width) {}

  void run(const Frame& frame) const override {
    for (Index b = 0; b < frame.batch; ++b) {
      std::memcpy(frame.values[y_] + b * width_, frame.next + b * frame.record + offset_,
                  static_cast<std::size_t>(width_) * sizeof(float));
    }
  }

 private:
  int y_;
  Index offset_;
  Index width_;
};

}  // namespace gatewise::stream
