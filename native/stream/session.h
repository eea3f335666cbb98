// B streams that advance together: what gatewise.Stream is.
#pragma once

#include <memory>

#include "stream/guard.h"
#include "stream/program.h"

namespace gatewise::stream {

class Session {
 public:
  // All states are zeros.
  Session(std::shared_ptr<const Program> program, Index batch);

  const Program& program() const { return *program_; }
  Index batch() const { return batch_; }

  // Advances by `steps`; the arrays are those of Call. The whole call takes effect, or, after an exception, none of it.
  void push(const void* const* inputs, float* const* outputs, Index steps);

  // The states (B, record).
  void read(float* to) const;
  void write(const float* from);
  void reset();

  // Advances by another program from now on, of the same inputs, outputs and record; the states stay.
  void use(std::shared_ptr<const Program> program);

  // Whoever calls any of the above holds this lock.
  ForkLock& lock() const { return lock_; }

 private:
  std::size_t bytes() const { return static_cast<std::size_t>(batch_ * program_->record()) * sizeof(float); }
  std::size_t area() const { return bytes() + 64; }  // of one set of states; never nothing, so that no two are the same
  float* other(const float* first, const float* second) const;
  void push_long(const void* const* inputs, float* const* outputs, Index steps);

  std::shared_ptr<const Program> program_;
  Index batch_;
  Buffer memory_;        // three areas of states: the present one, and two to work in
  float* states_[3];     // states_[0] is the present one
  CallMemory one_step_;  // made at once, so that a step allocates nothing
  CallMemory many_;      // made by the first long push
  mutable ForkLock lock_;
};

}  // namespace gatewise::stream
