// One operation of a streaming program, and what it works on.
//
// Shapes: B streams, T steps. A value is (B, T, width) without gaps: to an operation that keeps no state it is B * T
// rows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "recurrence/engine.h"

namespace gatewise::stream {

// A part of a stream's record, in floats.
struct Place {
  Index offset = 0;
  Index width = 0;

  std::size_t bytes() const { return static_cast<std::size_t>(width) * sizeof(float); }
};

// The records of a call's streams, of `size` floats each: side by side, or those of an array that `slots` says.
template <class Number>
struct RecordRows {
  Number* array = nullptr;
  Index size = 0;
  const std::uint32_t* slots = nullptr;

  Number* operator[](Index stream) const {
    return array + (slots == nullptr ? stream : static_cast<Index>(slots[stream])) * size;
  }
};

// One call as the operations see it. An operation reads its part of a stream's old record and writes the same part of
// the new one, so that a call takes effect as a whole when the records are exchanged. Where the call cannot fail, a
// pool gives one record as both: what an operation reads of its part, it reads before it writes there.
struct Frame {
  Index batch = 0;
  Index steps = 0;
  float* const* values = nullptr;            // by number
  const std::int64_t* const* ids = nullptr;  // by number of the value
  std::uint8_t* const* masks = nullptr;      // by number: (B, T), 0 is a masked step
  RecordRows<const float> state;
  RecordRows<float> next;
  Soon<float> soon;          // for an operation that asks: see Sequence
  float* scratch = nullptr;  // as many floats as the operation asked for
  Index threads = 1;         // at most
  bool independent = false;  // a stream's bits must not depend on how many are beside it

  Index rows() const { return batch * steps; }
};

class Op {
 public:
  Op() = default;
  Op(const Op&) = delete;
  Op& operator=(const Op&) = delete;
  virtual ~Op() = default;

  virtual void run(const Frame& frame) const = 0;

  // Floats of scratch memory for a call.
  virtual std::size_t scratch(Index /*batch*/, Index /*steps*/) const { return 0; }

  // Whether it asks for the frame's `soon` while it works.
  virtual bool asks() const { return false; }

  // Multiply-adds of one step of one stream, more or less.
  virtual double work() const { return 0; }
};

}  // namespace gatewise::stream
