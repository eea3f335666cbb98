#include "stream/program.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "stream/costs.h"

namespace gatewise::stream {
namespace {

std::size_t rounded(std::size_t bytes) {
  return (bytes + gatewise::costs::kLine - 1) / gatewise::costs::kLine * gatewise::costs::kLine;
}

std::size_t floats(Index count) { return rounded(static_cast<std::size_t>(count) * sizeof(float)); }

}  // namespace

void ask_for(const Soon<float>& records, Index size) {
  for (Index i = 0; i < records.count; ++i) {
    const float* record = records.array + static_cast<Index>(records.rows[i]) * records.size;
    for (Index k = 0; k < size; k += costs::kLine) __builtin_prefetch(record + k, 1);
  }
}

CallMemory::CallMemory(const Program& program, Index batch, Index steps) : batch_(batch), steps_(steps) {
  const Index rows = batch * steps;
  std::size_t scratch = 0;
  for (const auto& op : program.ops_) scratch = std::max(scratch, op->scratch(batch, steps) * sizeof(float));
  std::size_t total =
      rounded(scratch) + static_cast<std::size_t>(program.masks_) * rounded(static_cast<std::size_t>(rows));
  const std::size_t count = program.widths_.size();
  for (std::size_t v = 0; v < count; ++v) total += program.given_[v] ? 0 : floats(rows * program.widths_[v]);

  auto* at = static_cast<char*>(memory_.reserve(total));
  const auto next = [&at](std::size_t bytes) {
    char* here = at;
    at += bytes;
    return here;
  };
  scratch_ = reinterpret_cast<float*>(next(rounded(scratch)));
  own_.resize(count, nullptr);
  for (std::size_t v = 0; v < count; ++v) {
    if (!program.given_[v]) own_[v] = reinterpret_cast<float*>(next(floats(rows * program.widths_[v])));
  }
  for (int m = 0; m < program.masks_; ++m) {
    masks_.push_back(reinterpret_cast<std::uint8_t*>(next(rounded(static_cast<std::size_t>(rows)))));
  }
  values_.resize(count, nullptr);
  ids_.resize(count, nullptr);
}

int Program::add_input(Index width, bool ids) {
  const int value = add_value(width);
  ids_.back() = ids;
  given_.back() = true;
  inputs_.push_back({value, width, ids});
  return value;
}

int Program::add_value(Index width) {
  widths_.push_back(width);
  ids_.push_back(false);
  given_.push_back(false);
  return static_cast<int>(widths_.size()) - 1;
}

int Program::add_mask() { return masks_++; }

Index Program::add_state(Index width) {
  const Index offset = record_;
  record_ += width;
  return offset;
}

void Program::add_output(int value) { outputs_.push_back({value, width(value)}); }

void Program::add(std::unique_ptr<Op> op) {
  work_ += op->work();
  if (asking_ == nullptr && op->asks()) asking_ = op.get();
  ops_.push_back(std::move(op));
}

void Program::limit_ids(int value, Index limit, std::string label) {
  limits_.push_back({value, limit, std::move(label)});
}

Index Program::steps_at_once(Index batch, Index steps) const {
  if (by_steps_) return 1;
  Index widest = 1;
  for (const Index width : widths_) widest += width;
  return std::max<Index>(1, std::min(steps, costs::kFloatsBetween / std::max<Index>(1, batch * widest)));
}

void Program::check(const Call& call) const {
  for (const Limit& limit : limits_) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (inputs_[i].value != limit.value) continue;
      const auto* ids = static_cast<const std::int64_t*>(call.inputs[i]);
      const Index count = call.batch * call.steps * inputs_[i].width;
      for (Index k = 0; k < count; ++k) {
        if (ids[k] >= 0 && ids[k] < limit.limit) continue;
        throw std::invalid_argument(limit.label + ": the ids must be from 0 to " + std::to_string(limit.limit - 1) +
                                    ", but " + std::to_string(ids[k]) + " came. Nothing was advanced.");
      }
    }
  }
}

void Program::bind(const Call& call, CallMemory& memory) const {
  std::copy(memory.own_.begin(), memory.own_.end(), memory.values_.begin());
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const auto value = static_cast<std::size_t>(inputs_[i].value);
    if (inputs_[i].ids) {
      memory.ids_[value] = static_cast<const std::int64_t*>(call.inputs[i]);
    } else {
      // No operation writes to an input.
      memory.values_[value] = const_cast<float*>(static_cast<const float*>(call.inputs[i]));
    }
  }
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const auto value = static_cast<std::size_t>(outputs_[i].value);
    if (!given_[value]) memory.values_[value] = call.outputs[i];
  }
}

// Outputs that are inputs, or that stand twice among the outputs.
void Program::copy_outputs(const Call& call, const CallMemory& memory) const {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const float* from = memory.values_[static_cast<std::size_t>(outputs_[i].value)];
    if (from == call.outputs[i]) continue;
    const Index count = call.batch * call.steps * outputs_[i].width;
    std::memcpy(call.outputs[i], from, static_cast<std::size_t>(count) * sizeof(float));
  }
}

void Program::run(const Call& call, CallMemory& memory) const {
  bind(call, memory);
  Frame frame;
  frame.batch = call.batch;
  frame.steps = call.steps;
  frame.values = memory.values_.data();
  frame.ids = memory.ids_.data();
  frame.masks = memory.masks_.data();
  frame.state = call.state;
  frame.next = call.next;
  frame.scratch = memory.scratch_;
  frame.threads = call.threads;
  frame.independent = call.independent;
  ask_for(call.soon, asking_ == nullptr ? record_ : std::min(record_, costs::kLine));
  for (const auto& op : ops_) {
    frame.soon = op.get() == asking_ ? call.soon : Soon<float>{};
    op->run(frame);
  }
  copy_outputs(call, memory);
}

}  // namespace gatewise::stream
