// A recurrent layer. Each state of its cell has a place of its own in the record; the first is the output too.
#pragma once

#include <cstring>
#include <utility>
#include <vector>

#include "recurrence/recurrence.h"
#include "stream/op.h"

namespace gatewise::stream {

class Recurrent final : public Op {
 public:
  // `mask` is the number of a mask, or -1.
  Recurrent(int x, int y, int mask, std::vector<Place> places, bool zero_masked, gatewise::Recurrence<float> recurrence)
      : x_(x),
        y_(y),
        mask_(mask),
        places_(std::move(places)),
        zero_masked_(zero_masked),
        recurrence_(std::move(recurrence)) {}

  double work() const override {
    return static_cast<double>((layer().inputs + layer().units) * layer().units * gates_of(layer().cell));
  }

  bool asks() const override { return true; }

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
    call.initial_rows = frame.state.slots;
    call.last_rows = frame.next.slots;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      call.initial[i] = frame.state.array + places_[i].offset;
      call.initial_batch[i] = frame.state.size;
      call.initial_unit[i] = 1;
      call.last[i] = frame.next.array + places_[i].offset;
      call.last_batch[i] = frame.next.size;
    }
    call.soon = frame.soon;
    recurrence_.forward(call, frame.threads);
    if (call.mask != nullptr && !zero_masked_) repeat_last(frame, call.mask);
  }

 private:
  const PackedLayer<float>& layer() const { return recurrence_.layer(); }

  // A masked step repeats the output before it, which at the start of a call is the state that the stream came with.
  // (Where that has been written over, the call had one step, and being masked it left the state as it was.)
  void repeat_last(const Frame& frame, const std::uint8_t* mask) const {
    const Place& h = places_[0];
    for (Index b = 0; b < frame.batch; ++b) {
      for (Index t = 0; t < frame.steps && mask[b * frame.steps + t] == 0; ++t) {
        std::memcpy(frame.values[y_] + (b * frame.steps + t) * h.width, frame.state[b] + h.offset, h.bytes());
      }
    }
  }

  int x_;
  int y_;
  int mask_;
  std::vector<Place> places_;
  bool zero_masked_;
  gatewise::Recurrence<float> recurrence_;
};

// Part of the state as a value, for layers with `return_state`. The program then goes one step at a time.
class TakeState final : public Op {
 public:
  TakeState(int y, Place place) : y_(y), place_(place) {}

  void run(const Frame& frame) const override {
    for (Index b = 0; b < frame.batch; ++b) {
      std::memcpy(frame.values[y_] + b * place_.width, frame.next[b] + place_.offset, place_.bytes());
    }
  }

 private:
  int y_;
  Place place_;
};

}  // namespace gatewise::stream
