// What a thread does for a block of rows: the program run on their records.
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
  aside.resize(static_cast<std::size_t>(rows * program.record()));
  const auto count = static_cast<std::size_t>(rows);
  for (const auto& input : program.inputs()) gathered.emplace_back(count * bytes_of(input));
  for (const auto& output : program.outputs()) gathered.emplace_back(count * bytes_of(output));
  inputs.resize(program.inputs().size());
  outputs.resize(program.outputs().size());
  given_back.reserve(2);
}

// The records of some rows, to ask memory for.
Soon<float> Pool::soon(const Push& push, Rows rows) const {
  return {records().at(0), records().record(), push.slots + rows.first, rows.count};
}

// Runs the program on the rows' records where they lie, and asks for those of the block after it meanwhile. The new
// records go to the same place, or side by side to another, `to`.
void Pool::compute(const Push& push, Worker& worker, Rows rows, Rows next, float* to) const {
  place_arrays(push, worker, rows);
  const std::uint32_t* const slots = push.slots + rows.first;
  Call call;
  call.batch = rows.count;
  call.steps = 1;
  call.inputs = worker.inputs.data();
  call.outputs = worker.outputs.data();
  call.state = {records().at(0), records().record(), slots};
  call.next = {to, records().record(), to == records().at(0) ? slots : nullptr};
  call.soon = soon(push, next);
  call.threads = push.inner_threads;
  call.independent = true;
  program_->run(call, worker.space);
  give_outputs(push, worker, rows);
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

// Hands out outputs of rows that lie apart.
void Pool::give_outputs(const Push& push, const Worker& worker, Rows rows) const {
  if (push.together(rows)) return;
  const auto& outputs = program_->outputs();
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    for (Index i = 0; i < rows.count; ++i) {
      std::memcpy(push.outputs[k] + push.row(rows.first + i) * outputs[k].width,
                  worker.outputs[k] + i * outputs[k].width, bytes_of(outputs[k]));
    }
  }
}

// Puts records in place that were made aside.
void Pool::keep(const Push& push, const Worker& worker, Rows rows) const {
  const Index record = records().record();
  for (Index i = 0; i < rows.count; ++i) {
    std::memcpy(records().at(push.slots[rows.first + i]), worker.aside.data() + i * record,
                static_cast<std::size_t>(record) * sizeof(float));
  }
}

}  // namespace gatewise::stream
