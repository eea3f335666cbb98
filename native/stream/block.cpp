// What a thread does for a block of rows: records gathered, the program run on them, records put back.
#include <cstring>

#include "stream/push.h"

namespace gatewise::stream {
namespace {

std::size_t bytes_of(const Program::Input& input) {
  return static_cast<std::size_t>(input.width) * (input.ids ? sizeof(std::int64_t) : sizeof(float));
}

std::size_t bytes_of(const Program::Output& output) { return static_cast<std::size_t>(output.width) * sizeof(float); }

}  // namespace

Pool::Worker::Worker(const Program& program, Index rows) : space(program, rows, 1) {
  const auto size = static_cast<std::size_t>(rows * program.record());
  old_states.resize(size);
  new_states.resize(size);
  const auto count = static_cast<std::size_t>(rows);
  for (const auto& input : program.inputs()) gathered.emplace_back(count * bytes_of(input));
  for (const auto& output : program.outputs()) gathered.emplace_back(count * bytes_of(output));
  inputs.resize(program.inputs().size());
  outputs.resize(program.outputs().size());
  given_back.reserve(2);
}

// Asks for half of the record that the i-th row of the next block needs. The memory answers only so many questions at
// once, so they are put among other work.
void Pool::ask_for(const Push& push, Rows next, Index i, int half) const {
  if (i >= next.count) return;
  const float* record = records_.at(slots_[static_cast<std::size_t>(push.row(next.first + i))]);
  const Index middle = divided(records_.record(), 2 * costs::kLine) * costs::kLine;
  const Index end = half == 0 ? middle : records_.record();
  for (Index k = half == 0 ? 0 : middle; k < end; k += costs::kLine) __builtin_prefetch(record + k, 1);
}

void Pool::compute(const Push& push, Worker& worker, Rows rows, Rows next) const {
  const Index record = records_.record();
  const std::size_t bytes = static_cast<std::size_t>(record) * sizeof(float);
  for (Index i = 0; i < rows.count; ++i) {
    ask_for(push, next, i, 0);
    const std::uint32_t slot = slots_[static_cast<std::size_t>(push.row(rows.first + i))];
    std::memcpy(worker.old_states.data() + i * record, records_.at(slot), bytes);
  }
  place_arrays(push, worker, rows);
  Call call;
  call.batch = rows.count;
  call.steps = 1;
  call.inputs = worker.inputs.data();
  call.outputs = worker.outputs.data();
  call.state = worker.old_states.data();
  call.next = worker.new_states.data();
  call.threads = push.inner_threads;
  call.independent = true;
  program_->run(call, worker.space);
}

// Points the block's inputs and outputs at the caller's arrays, or gathers them where the rows lie apart.
void Pool::place_arrays(const Push& push, Worker& worker, Rows rows) const {
  const auto& inputs = program_->inputs();
  const auto& outputs = program_->outputs();
  const bool together = push.together(rows);
  const Index first = push.row(rows.first);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const auto* whole = static_cast<const char*>(push.inputs[k]);
    const std::size_t bytes = bytes_of(inputs[k]);
    worker.inputs[k] = whole + static_cast<std::size_t>(first) * bytes;
    if (together) continue;
    auto* to = static_cast<char*>(worker.gathered[k].reserve(0));
    for (Index i = 0; i < rows.count; ++i) {
      std::memcpy(to + static_cast<std::size_t>(i) * bytes,
                  whole + static_cast<std::size_t>(push.row(rows.first + i)) * bytes, bytes);
    }
    worker.inputs[k] = to;
  }
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    worker.outputs[k] = together ? push.outputs[k] + first * outputs[k].width
                                 : static_cast<float*>(worker.gathered[inputs.size() + k].reserve(0));
  }
}

void Pool::keep(const Push& push, const Worker& worker, Rows rows, Rows next) const {
  const Index record = records_.record();
  const std::size_t bytes = static_cast<std::size_t>(record) * sizeof(float);
  for (Index i = 0; i < rows.count; ++i) {
    ask_for(push, next, i, 1);
    const std::uint32_t slot = slots_[static_cast<std::size_t>(push.row(rows.first + i))];
    std::memcpy(records_.at(slot), worker.new_states.data() + i * record, bytes);
  }
  if (push.together(rows)) return;
  const auto& outputs = program_->outputs();
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    for (Index i = 0; i < rows.count; ++i) {
      std::memcpy(push.outputs[k] + push.row(rows.first + i) * outputs[k].width,
                  worker.outputs[k] + i * outputs[k].width, bytes_of(outputs[k]));
    }
  }
}

}  // namespace gatewise::stream
