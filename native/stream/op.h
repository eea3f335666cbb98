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

// One call as the operations see it. Each stream has a record of `record` floats; an operation reads its part of the
// old records and writes the same part of the new ones, so that a call takes effect as a whole when the records are
// exchanged.
struct Frame {
  Index batch = 0;
  Index steps = 0;
  float* const* values = nullptr;            // by number
  const std::int64_t* const* ids = nullptr;  // by number of the value
  std::uint8_t* const* masks = nullptr;      // by number: (B, T), 0 is a masked step
  const float* state = nullptr;              // (B, record)
  float* next = nullptr;                     // (B, record)
  Index record = 0;
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

  // Multiply-adds of one step of one stream, more or less.
  virtual double work() const { return 0; }
};

}  // namespace gatewise::stream
