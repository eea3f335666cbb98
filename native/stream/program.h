// A model as a list of operations that advance B streams by T steps, and what a call of it needs.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "recurrence/recurrence.h"
#include "stream/op.h"

namespace gatewise::stream {

class Program;

// Asks memory for the first `size` floats of each, at once: where their pages are is then found out for many together,
// and whoever asks for the rest need not wait for that.
void ask_for(const Soon<float>& records, Index size);

// Memory for calls of up to `batch` streams and `steps` steps at once; none is allocated after it is made.
class CallMemory {
 public:
  CallMemory() = default;
  CallMemory(const Program& program, Index batch, Index steps);

  Index batch() const { return batch_; }
  Index steps() const { return steps_; }

 private:
  friend class Program;
  Index batch_ = 0;
  Index steps_ = 0;
  Buffer memory_;
  std::vector<float*> own_;     // by value; null for inputs
  std::vector<float*> values_;  // own_, with the arrays of the call in place of inputs and outputs
  std::vector<const std::int64_t*> ids_;
  std::vector<std::uint8_t*> masks_;
  float* scratch_ = nullptr;
};

// Arrays of one call. An input is (B, T, width) floats or ids, an output (B, T, width).
struct Call {
  Index batch = 0;
  Index steps = 0;
  const void* const* inputs = nullptr;
  float* const* outputs = nullptr;
  RecordRows<const float> state;
  RecordRows<float> next;  // other records, or, with one step, the same: see Frame
  Soon<float> soon;        // records to ask memory for meanwhile
  Index threads = 1;
  bool independent = false;  // streams that come together by chance: the bits of one must not depend on the others
};

class Program {
 public:
  struct Input {
    int value = 0;
    Index width = 0;
    bool ids = false;
  };

  struct Output {
    int value = 0;
    Index width = 0;
  };

  // What makes a program: values, then operations in the order in which they run.
  int add_input(Index width, bool ids);
  int add_value(Index width);
  int add_mask();
  Index add_state(Index width);
  void add_output(int value);
  void add(std::unique_ptr<Op> op);
  // Ids of the value must be from 0 to limit - 1; `label` names the layer in the error.
  void limit_ids(int value, Index limit, std::string label);
  void go_by_steps() { by_steps_ = true; }

  const std::vector<Input>& inputs() const { return inputs_; }
  const std::vector<Output>& outputs() const { return outputs_; }
  Index width(int value) const { return widths_.at(static_cast<std::size_t>(value)); }
  bool is_ids(int value) const { return ids_.at(static_cast<std::size_t>(value)); }
  bool is_input(int value) const { return given_.at(static_cast<std::size_t>(value)); }
  int values() const { return static_cast<int>(widths_.size()); }
  int masks() const { return masks_; }
  Index record() const { return record_; }
  double work() const { return work_; }

  // Steps to take at once for a batch: few enough that what lies between the operations stays in the cache.
  Index steps_at_once(Index batch, Index steps) const;

  // Throws std::invalid_argument where an id is not in its table.
  void check(const Call& call) const;

  // Advances the streams: at most memory.batch() and memory.steps() of them. Allocates nothing once the thread
  // has made a call as large.
  void run(const Call& call, CallMemory& memory) const;

 private:
  friend class CallMemory;

  struct Limit {
    int value;
    Index limit;
    std::string label;
  };

  void bind(const Call& call, CallMemory& memory) const;
  void copy_outputs(const Call& call, const CallMemory& memory) const;

  std::vector<Index> widths_;  // by value
  std::vector<bool> ids_;      // by value
  std::vector<bool> given_;    // by value: an input
  std::vector<Input> inputs_;
  std::vector<Output> outputs_;
  std::vector<Limit> limits_;
  std::vector<std::unique_ptr<Op>> ops_;
  const Op* asking_ = nullptr;  // the first that asks for records
  int masks_ = 0;
  Index record_ = 0;
  double work_ = 0;
  bool by_steps_ = false;
};

}  // namespace gatewise::stream
