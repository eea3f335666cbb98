// Recurrences as functions that XLA calls: forward, and back. What is wrong with a call was found when it was traced
// (engine/compiled.py); here it only must not do harm.
#include "python/xla_handlers.h"

#include <sys/mman.h>

#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/costs.h"
#include "python/xla_ffi.h"
#include "recurrence/backward.h"
#include "recurrence/gradients.h"
#include "recurrence/recurrence.h"
#include "threads/both.h"

namespace nb = nanobind;

namespace gatewise {
namespace {

// XLA gives fresh memory with every call, and to touch it first in small pages took as long as the recurrence itself.
void ask_for_huge_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) {
#if defined(MADV_HUGEPAGE)
  const auto begin = (reinterpret_cast<std::uintptr_t>(memory) + costs::kHugePage - 1) & ~(costs::kHugePage - 1);
  const auto end = (reinterpret_cast<std::uintptr_t>(memory) + bytes) & ~(costs::kHugePage - 1);
  if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

// Arguments and results of one call, taken in order.
class Call {
 public:
  explicit Call(const xla::CallFrame& frame) : frame_(frame) {}

  const xla::Buffer& argument() { return next(frame_.arguments, argument_); }
  const xla::Buffer& result() { return next(frame_.results, result_); }

  // An argument or result without numbers is one that is not there.
  template <class T>
  static T* data(const xla::Buffer& buffer) {
    return numbers(buffer) != 0 ? static_cast<T*>(buffer.data) : nullptr;
  }
  template <class T>
  const T* argument_data() {
    return data<const T>(argument());
  }
  template <class T>
  T* result_data() {
    const xla::Buffer& buffer = result();
    T* const at = data<T>(buffer);
    if (at != nullptr) ask_for_huge_pages(at, static_cast<std::size_t>(numbers(buffer)) * sizeof(T));
    return at;
  }

  // An attribute of the recurrence that is being taken: its number ends the name.
  Index attribute(const std::string& name) const { return whole_attribute(name + std::to_string(recurrence_)); }

  // Recurrences of this call, and the next of them.
  Index recurrences() const {
    const Index count = whole_attribute("recurrences");
    if (count != 1 && count != 2) throw std::invalid_argument("a call has one recurrence or two");
    return count;
  }
  void next_recurrence() { ++recurrence_; }

  Index whole_attribute(const std::string& name) const {
    const xla::Attributes& all = frame_.attributes;
    for (std::int64_t i = 0; i < all.size; ++i) {
      if (std::string(all.names[i]->at, all.names[i]->size) != name || all.types[i] != xla::kScalarAttribute) continue;
      const auto& scalar = *static_cast<const xla::Scalar*>(all.all[i]);
      if (scalar.dtype == xla::kInt64) return static_cast<Index>(*static_cast<const std::int64_t*>(scalar.value));
    }
    throw std::invalid_argument("the call has no attribute " + name);
  }

  static Index numbers(const xla::Buffer& buffer) {
    Index count = 1;
    for (std::int64_t i = 0; i < buffer.rank; ++i) count *= static_cast<Index>(buffer.dims[i]);
    return count;
  }

 private:
  static const xla::Buffer& next(const xla::Buffers& buffers, std::int64_t& at) {
    if (at >= buffers.size) throw std::invalid_argument("the call has too few buffers");
    return *static_cast<const xla::Buffer*>(buffers.all[at++]);
  }

  const xla::CallFrame& frame_;
  std::int64_t argument_ = 0;
  std::int64_t result_ = 0;
  Index recurrence_ = 0;
};

struct What {
  Cell cell;
  Activation activation;
  Activation recurrent_activation;
  bool go_backwards;
  bool sequences;
  bool zero_masked;
  bool fills;  // whether others read what is kept of padding, or the gradients of its sums

  explicit What(const Call& call)
      : cell(static_cast<Cell>(call.attribute("cell"))),
        activation(static_cast<Activation>(call.attribute("activation"))),
        recurrent_activation(static_cast<Activation>(call.attribute("recurrent_activation"))),
        go_backwards(call.attribute("go_backwards") != 0),
        sequences(call.attribute("sequences") != 0),
        zero_masked(call.attribute("zero_masked") != 0),
        fills(call.attribute("fills") != 0) {
    if (static_cast<int>(cell) < 0 || static_cast<int>(cell) >= Cells::kCount) {
      throw std::invalid_argument("unknown cell");
    }
  }
};

void want(const xla::Buffer& buffer, Index count, const char* what) {
  if (Call::numbers(buffer) != count) throw std::invalid_argument(std::string(what) + " has another size");
}

template <class T>
Weights<T> take_weights(Call& call, Cell cell, Sizes sizes, bool kernel) {
  Weights<T> weights;
  for (int i = 0; i < facts(cell).weights.size(); ++i) {
    const xla::Buffer& buffer = call.argument();
    weights.at[i] = Call::data<const T>(buffer);
    const bool absent = weights.at[i] == nullptr && facts(cell).weights[i].optional;
    if (!absent && (kernel || i != kKernelAt)) want(buffer, numbers_of(cell, i, sizes), facts(cell).weights[i].name);
  }
  return weights;
}

// Factors (B, gates, count), or none.
template <class T>
const T* take_factors(Call& call, Cell cell, Index batch, Index count) {
  const xla::Buffer& buffer = call.argument();
  const T* const at = Call::data<const T>(buffer);
  if (at != nullptr) want(buffer, batch * facts(cell).gate_count() * count, "the factors");
  return at;
}

// One recurrence of a call forward: it is taken first, then packed, and run.
template <class T>
struct Forward {
  What what;
  Sizes sizes;
  Weights<T> weights;
  Sequence<T> sequence;
  std::optional<Recurrence<T>> packed;

  // x (B, T, I), the weights, the states (B, H), a mask (B, T), factors of inputs and states -> y, the final states, a
  // reserve.
  explicit Forward(Call& call) : what(call) {
    const xla::Buffer& x = call.argument();
    if (x.rank != 3) throw std::invalid_argument("x must be (B, T, I)");
    sequence.batch = static_cast<Index>(x.dims[0]);
    sequence.steps = static_cast<Index>(x.dims[1]);
    sequence.x = static_cast<const T*>(x.data);
    sequence.x_time = static_cast<Index>(x.dims[2]);
    sequence.x_batch = sequence.steps * sequence.x_time;
    const Index units = call.attribute("units");
    sizes = {sequence.x_time, units};
    weights = take_weights<T>(call, what.cell, sizes, true);
    const int states = facts(what.cell).states.size();
    for (int i = 0; i < states; ++i) {
      const xla::Buffer& state = call.argument();
      want(state, sequence.batch * units, "a state");
      sequence.initial[i] = Call::data<const T>(state);
      sequence.initial_batch[i] = units;
      sequence.initial_unit[i] = 1;
    }
    sequence.mask = call.argument_data<std::uint8_t>();
    sequence.mask_batch = sequence.steps;
    sequence.mask_time = 1;
    sequence.input_factors = take_factors<T>(call, what.cell, sequence.batch, sizes.inputs);
    sequence.factors = take_factors<T>(call, what.cell, sequence.batch, units);
    sequence.y = call.result_data<T>();
    for (int i = 0; i < states; ++i) sequence.last[i] = static_cast<T*>(call.result().data);
    sequence.reserve = call.result_data<T>();
    sequence.go_backwards = what.go_backwards;
    sequence.sequences = what.sequences;
    sequence.zero_masked = what.zero_masked;
    sequence.fills = what.fills;
  }

  bool empty() const { return sequence.batch == 0; }

  void pack() {
    const bool drops = sequence.factors != nullptr || sequence.input_factors != nullptr;
    packed.emplace(what.cell, sizes, weights, what.activation, what.recurrent_activation,
                   RecurrenceOptions{false, sequence.reserve != nullptr || drops, drops});
  }

  void run() const { packed->forward(sequence); }

  static void run_both(const Forward& first, const Forward& second) {
    Recurrence<T>::forward_both(*first.packed, first.sequence, *second.packed, second.sequence);
  }
};

// The same for a way back.
template <class T>
struct WayBack {
  What what;
  Index units;
  Weights<T> weights;
  Backward<T> back;
  std::optional<Backwards<T>> packed;

  // The reserve, the weights, the first states, a mask, factors of states, the gradients of y and of the final states
  // -> the gradients of all sums (B, T, sums, H) and of the first states.
  explicit WayBack(Call& call) : what(call), units(call.attribute("units")) {
    const xla::Buffer& reserve = call.argument();
    if (reserve.rank != 4) throw std::invalid_argument("the reserve must be (B, T, fields, H)");
    weights = take_weights<T>(call, what.cell, {0, units}, false);
    const int states = facts(what.cell).states.size();
    back.reserve = static_cast<const T*>(reserve.data);
    back.batch = static_cast<Index>(reserve.dims[0]);
    back.steps = static_cast<Index>(reserve.dims[1]);
    want(reserve, back.batch * back.steps * (facts(what.cell).sums() + states) * reserve_units<T>(units),
         "the reserve");
    for (int i = 0; i < states; ++i) {
      const xla::Buffer& state = call.argument();
      want(state, back.batch * units, "a state");
      back.initial[i] = Call::data<const T>(state);
    }
    back.mask = call.argument_data<std::uint8_t>();
    back.factors = take_factors<T>(call, what.cell, back.batch, units);
    const xla::Buffer& dy = call.argument();
    want(dy, back.batch * units * (what.sequences ? back.steps : 1), "the gradient of y");
    back.dy = Call::data<const T>(dy);
    for (int i = 0; i < states; ++i) {
      const xla::Buffer& d_last = call.argument();
      want(d_last, back.batch * units, "the gradient of a state");
      back.d_last[i] = Call::data<const T>(d_last);
    }
    back.dz = call.result_data<T>();
    for (int i = 0; i < states; ++i) back.d_initial[i] = static_cast<T*>(call.result().data);
    back.go_backwards = what.go_backwards;
    back.sequences = what.sequences;
    back.zero_masked = what.zero_masked;
    back.fills = what.fills;
  }

  bool empty() const { return back.batch == 0; }

  void pack() { packed.emplace(what.cell, units, weights, what.activation, what.recurrent_activation); }

  void run() const { packed->run(back); }

  static void run_both(const WayBack& first, const WayBack& second) {
    Backwards<T>::run_both(*first.packed, first.back, *second.packed, second.back);
  }
};

// Takes and runs all recurrences of a call. Packing takes its part of the time, so two are packed at once.
template <class Each>
void run_all(Call& call) {
  const Index count = call.recurrences();
  std::vector<Each> all;
  all.reserve(static_cast<std::size_t>(count));
  for (Index i = 0; i < count; ++i, call.next_recurrence()) all.emplace_back(call);
  if (all[0].empty()) return;
  if (count == 1) {
    all[0].pack();
    return all[0].run();
  }
  do_both([&](Index i) { all[static_cast<std::size_t>(i)].pack(); });
  Each::run_both(all[0], all[1]);
}

// A mask (B, T), or none.
const std::uint8_t* take_mask(Call& call, Index samples) {
  const xla::Buffer& buffer = call.argument();
  const auto* const mask = Call::data<const std::uint8_t>(buffer);
  if (mask != nullptr) want(buffer, samples, "the mask");
  return mask;
}

// x (B, T, I), the reserve, the first state's first (B, H), a mask, the gradients of all sums -> the gradients of the
// kernels and of the bias.
template <class T>
void run_weight_gradients(Call& call) {
  const What what(call);
  const xla::Buffer& x = call.argument();
  if (x.rank != 3) throw std::invalid_argument("x must be (B, T, I)");
  const CellFacts& cell = facts(what.cell);
  WeightGradients<T> gradients;
  gradients.cell = what.cell;
  gradients.batch = static_cast<Index>(x.dims[0]);
  gradients.steps = static_cast<Index>(x.dims[1]);
  gradients.sizes = {static_cast<Index>(x.dims[2]), call.attribute("units")};
  const Index units = gradients.sizes.units;
  const Index samples = gradients.batch * gradients.steps;
  gradients.x = static_cast<const T*>(x.data);
  const xla::Buffer& reserve = call.argument();
  want(reserve, samples * (cell.sums() + cell.states.size()) * reserve_units<T>(units), "the reserve");
  gradients.reserve = static_cast<const T*>(reserve.data);
  const xla::Buffer& initial = call.argument();
  want(initial, gradients.batch * units, "a state");
  gradients.initial = static_cast<const T*>(initial.data);
  gradients.mask = take_mask(call, samples);
  const xla::Buffer& dz = call.argument();
  want(dz, samples * cell.sums() * units, "the gradient of the sums");
  gradients.dz = static_cast<const T*>(dz.data);
  T** const results[] = {&gradients.kernel, &gradients.recurrent_kernel, &gradients.bias};
  for (int i = 0; i <= kBiasAt; ++i) {
    const xla::Buffer& result = call.result();
    want(result, numbers_of(what.cell, i, gradients.sizes), "a gradient");
    *results[i] = static_cast<T*>(result.data);
  }
  gradients.go_backwards = what.go_backwards;
  run(gradients);
}

// The gradients of all sums (B, T, sums, H), a mask, the kernel -> the gradient of x.
template <class T>
void run_input_gradient(Call& call) {
  const What what(call);
  const xla::Buffer& dz = call.argument();
  if (dz.rank != 4) throw std::invalid_argument("the gradient of the sums must be (B, T, sums, H)");
  const std::uint8_t* const mask = take_mask(call, static_cast<Index>(dz.dims[0] * dz.dims[1]));
  const xla::Buffer& kernel = call.argument();
  if (kernel.rank != 2) throw std::invalid_argument("the kernel must be (I, gH)");
  InputGradient<T> gradient;
  gradient.cell = what.cell;
  gradient.batch = static_cast<Index>(dz.dims[0]);
  gradient.steps = static_cast<Index>(dz.dims[1]);
  gradient.sizes = {static_cast<Index>(kernel.dims[0]), call.attribute("units")};
  const Index samples = gradient.batch * gradient.steps;
  want(dz, samples * facts(what.cell).sums() * gradient.sizes.units, "the gradient of the sums");
  want(kernel, numbers_of(what.cell, kKernelAt, gradient.sizes), "the kernel");
  gradient.dz = static_cast<const T*>(dz.data);
  gradient.kernel = static_cast<const T*>(kernel.data);
  gradient.dx = call.result_data<T>();
  gradient.mask = mask;
  gradient.go_backwards = what.go_backwards;
  run(gradient);
}

xla::Error* error(const xla::CallFrame& frame, std::int32_t code, const char* message) {
  xla::ErrorArguments arguments{sizeof(xla::ErrorArguments), nullptr, message, code};
  return frame.api->make_error(&arguments);
}

// What each function of XLA's does, for numbers of one kind.
struct DoForward {
  template <class T>
  static void run(Call& call) {
    run_all<Forward<T>>(call);
  }
};
struct DoBackward {
  template <class T>
  static void run(Call& call) {
    run_all<WayBack<T>>(call);
  }
};
struct DoWeightGradients {
  template <class T>
  static void run(Call& call) {
    run_weight_gradients<T>(call);
  }
};
struct DoInputGradient {
  template <class T>
  static void run(Call& call) {
    run_input_gradient<T>(call);
  }
};

template <class Run>
xla::Error* handle(xla::CallFrame* frame) {
  if (frame->extensions != nullptr && frame->extensions->type == xla::kMetadata) {
    xla::Metadata& metadata = *reinterpret_cast<xla::MetadataExtension*>(frame->extensions)->metadata;
    metadata.version = {sizeof(xla::Version), nullptr, xla::kMajor, xla::kMinor};
    metadata.traits = 0;
    return nullptr;
  }
  if (frame->stage != xla::kExecute) return nullptr;
  try {
    const std::int32_t dtype = Call(*frame).argument().dtype;
    Call call(*frame);
    if (dtype == xla::kFloat32) {
      Run::template run<float>(call);
    } else if (dtype == xla::kFloat64) {
      Run::template run<double>(call);
    } else {
      return error(*frame, xla::kInvalidArgument, "gatewise: arrays must be float32 or float64");
    }
    return nullptr;
  } catch (const std::invalid_argument& what) {
    return error(*frame, xla::kInvalidArgument, (std::string("gatewise: ") + what.what()).c_str());
  } catch (const std::exception& what) {
    return error(*frame, xla::kInternal, (std::string("gatewise: ") + what.what()).c_str());
  }
}

}  // namespace

void bind_xla_handlers(nb::module_& module) {
  const auto capsule = [](xla::Error* (*handler)(xla::CallFrame*)) {
    return nb::capsule(reinterpret_cast<void*>(handler), "xla._CUSTOM_CALL_TARGET");
  };
  module.def(
      "xla_handlers",
      [capsule] {
        nb::dict handlers;
        handlers["forward"] = capsule(&handle<DoForward>);
        handlers["backward"] = capsule(&handle<DoBackward>);
        handlers["weight_gradients"] = capsule(&handle<DoWeightGradients>);
        handlers["input_gradient"] = capsule(&handle<DoInputGradient>);
        return handlers;
      },
      "The recurrence as functions that XLA calls, as capsules for jax.ffi.register_ffi_target.");
}

}  // namespace gatewise
