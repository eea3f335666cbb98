#include "stream/session.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "threads/interrupt.h"

namespace gatewise::stream {

Session::Session(std::shared_ptr<const Program> program, Index batch)
    : program_(std::move(program)), batch_(batch), one_step_(*program_, batch, 1) {
  if (batch < 1) throw std::invalid_argument("batch_size must be at least 1, not " + std::to_string(batch));
  auto* at = static_cast<char*>(memory_.reserve(3 * area()));
  std::memset(at, 0, 3 * area());
  for (float*& states : states_) {
    states = reinterpret_cast<float*>(at);
    at += area() / 64 * 64;
  }
}

void Session::push(const void* const* inputs, float* const* outputs, Index steps) {
  Call call;
  call.batch = batch_;
  call.steps = steps;
  call.inputs = inputs;
  program_->check(call);
  if (steps != 1) return push_long(inputs, outputs, steps);
  call.outputs = outputs;
  call.state = {states_[0], program_->record(), nullptr};
  call.next = {states_[1], program_->record(), nullptr};
  call.threads = threads();
  program_->run(call, one_step_);
  std::swap(states_[0], states_[1]);
}

namespace {

// The steps `from` .. `from + count` of an array (B, T, width), copied to or from one of (B, count, width).
struct Cut {
  Index batch;
  Index steps;
  Index from;
  Index count;

  void out(char* to, const char* whole, std::size_t width) const {
    for (Index b = 0; b < batch; ++b) {
      std::memcpy(to + static_cast<std::size_t>(b * count) * width,
                  whole + static_cast<std::size_t>(b * steps + from) * width, static_cast<std::size_t>(count) * width);
    }
  }

  void in(char* whole, const char* part, std::size_t width) const {
    for (Index b = 0; b < batch; ++b) {
      std::memcpy(whole + static_cast<std::size_t>(b * steps + from) * width,
                  part + static_cast<std::size_t>(b * count) * width, static_cast<std::size_t>(count) * width);
    }
  }
};

std::size_t item_bytes(const Program::Input& input) {
  return static_cast<std::size_t>(input.width) * (input.ids ? sizeof(std::int64_t) : sizeof(float));
}

std::size_t item_bytes(const Program::Output& output) { return static_cast<std::size_t>(output.width) * sizeof(float); }

// Arrays for some of the steps: those of the call where they lie together (one stream), else copies.
class Parts {
 public:
  Parts(const Program& program, Index batch, Index most) : batch_(batch) {
    for (const auto& input : program.inputs()) sizes_.push_back(item_bytes(input));
    for (const auto& output : program.outputs()) sizes_.push_back(item_bytes(output));
    std::size_t total = 0;
    if (batch > 1) {
      for (const std::size_t size : sizes_) {
        places_.push_back(total);
        total += (size * static_cast<std::size_t>(batch * most) + 63) / 64 * 64;
      }
    }
    base_ = static_cast<char*>(memory_.reserve(total));
    inputs.resize(program.inputs().size());
    outputs.resize(program.outputs().size());
  }

  void load(const void* const* whole_inputs, float* const* whole_outputs, const Cut& cut) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto* whole = static_cast<const char*>(whole_inputs[i]);
      if (batch_ == 1) {
        inputs[i] = whole + static_cast<std::size_t>(cut.from) * sizes_[i];
      } else {
        cut.out(base_ + places_[i], whole, sizes_[i]);
        inputs[i] = base_ + places_[i];
      }
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const std::size_t k = inputs.size() + i;
      char* at = batch_ == 1
                     ? reinterpret_cast<char*>(whole_outputs[i]) + static_cast<std::size_t>(cut.from) * sizes_[k]
                     : base_ + places_[k];
      outputs[i] = reinterpret_cast<float*>(at);
    }
  }

  void store(float* const* whole_outputs, const Cut& cut) const {
    if (batch_ == 1) return;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      cut.in(reinterpret_cast<char*>(whole_outputs[i]), reinterpret_cast<const char*>(outputs[i]),
             sizes_[inputs.size() + i]);
    }
  }

  std::vector<const void*> inputs;
  std::vector<float*> outputs;

 private:
  Index batch_;
  Buffer memory_;
  char* base_ = nullptr;
  std::vector<std::size_t> sizes_;
  std::vector<std::size_t> places_;
};

}  // namespace

float* Session::other(const float* first, const float* second) const {
  return *std::find_if(std::begin(states_), std::end(states_),
                       [&](float* states) { return states != first && states != second; });
}

void Session::push_long(const void* const* inputs, float* const* outputs, Index steps) {
  if (steps == 0) return;
  const Index most = program_->steps_at_once(batch_, steps);
  if (many_.steps() < most) many_ = CallMemory(*program_, batch_, most);
  Parts parts(*program_, batch_, most);
  float* from = states_[0];
  Call call;
  call.batch = batch_;
  call.threads = threads();
  for (Index start = 0; start < steps; start += most) {
    const Cut cut{batch_, steps, start, std::min(most, steps - start)};
    parts.load(inputs, outputs, cut);
    call.steps = cut.count;
    call.inputs = parts.inputs.data();
    call.outputs = parts.outputs.data();
    float* const to = other(states_[0], from);
    call.state = {from, program_->record(), nullptr};
    call.next = {to, program_->record(), nullptr};
    program_->run(call, many_);
    parts.store(outputs, cut);
    from = to;
    if (interrupted()) throw Interrupted();
  }
  std::swap(states_[0], *std::find(std::begin(states_), std::end(states_), from));
}

void Session::read(float* to) const { std::memcpy(to, states_[0], bytes()); }

void Session::write(const float* from) { std::memcpy(states_[0], from, bytes()); }

void Session::reset() { std::memset(states_[0], 0, bytes()); }

void Session::use(std::shared_ptr<const Program> program) {
  CallMemory one_step(*program, batch_, 1);
  program_ = std::move(program);
  one_step_ = std::move(one_step);
  many_ = CallMemory();
}

}  // namespace gatewise::stream
