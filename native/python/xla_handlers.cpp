// Recurrences as functions that XLA calls: forward, and back. What is wrong with a call was found when it was traced
// (engine/compiled.py); here it only must not do harm.
#include "python/xla_handlers.h"

#include <sys/mman.h>

#include <exception>
#include <stdexcept>
#include <string>

#include "base/costs.h"
#include "python/xla_ffi.h"
#include "recurrence/backward.h"
#include "recurrence/gradients.h"
#include "recurrence/recurrence.h"

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

  Index attribute(const char* name) const {
    const xla::Attributes& all = frame_.attributes;
    for (std::int64_t i = 0; i < all.size; ++i) {
      if (std::string(all.names[i]->at, all.names[i]->size) != name || all.types[i] != xla::kScalarAttribute) continue;
      const auto& scalar = *static_cast<const xla::Scalar*>(all.all[i]);
      if (scalar.dtype == xla::kInt64) return static_cast<Index>(*static_cast<const std::int64_t*>(scalar.value));
    }
    throw std::invalid_argument(std::string("the call has no attribute ") + name);
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
};

struct What {
  Cell cell;
  Activation activation;
  Activation recurrent_activation;
  bool go_backwards;
  bool sequences;
  bool zero_masked;

  explicit What(const Call& call)
      : cell(static_cast<Cell>(call.attribute("cell"))),
        activation(static_cast<Activation>(call.attribute("activation"))),
        recurrent_activation(static_cast<Activation>(call.attribute("recurrent_activation"))),
        go_backwards(call.attribute("go_backwards") != 0),
        sequences(call.attribute("sequences") != 0),
        zero_masked(call.attribute("zero_masked") != 0) {
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

// x (B, T, I), the weights, the states (B, H), a mask (B, T) -> y, the final states, a reserve.
template <class T>
void forward(Call& call, const xla::Buffer& x) {
  const What what(call);
  if (x.rank != 3) throw std::invalid_argument("x must be (B, T, I)");
  Sequence<T> sequence;
  sequence.batch = static_cast<Index>(x.dims[0]);
  sequence.steps = static_cast<Index>(x.dims[1]);
  sequence.x = static_cast<const T*>(x.data);
  sequence.x_time = static_cast<Index>(x.dims[2]);
  sequence.x_batch = sequence.steps * sequence.x_time;
  const Index units = call.attribute("units");
  const Weights<T> weights = take_weights<T>(call, what.cell, {sequence.x_time, units}, true);
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
  sequence.y = call.result_data<T>();
  for (int i = 0; i < states; ++i) sequence.last[i] = static_cast<T*>(call.result().data);
  sequence.reserve = call.result_data<T>();
  sequence.go_backwards = what.go_backwards;
  sequence.sequences = what.sequences;
  sequence.zero_masked = what.zero_masked;
  if (sequence.batch == 0) return;
  const Recurrence<T> recurrence(what.cell, {sequence.x_time, units}, weights, what.activation,
                                 what.recurrent_activation, {false, sequence.reserve != nullptr});
  recurrence.forward(sequence);
}

// The reserve, the weights, the first states, a mask, the gradients of y and of the final states -> the gradients of
// all sums (B, T, sums, H) and of the first states.
template <class T>
void backward(Call& call, const xla::Buffer& reserve) {
  const What what(call);
  if (reserve.rank != 4) throw std::invalid_argument("the reserve must be (B, T, fields, H)");
  const Index units = call.attribute("units");
  const Weights<T> weights = take_weights<T>(call, what.cell, {0, units}, false);
  const int states = facts(what.cell).states.size();
  Backward<T> back;
  back.reserve = static_cast<const T*>(reserve.data);
  back.batch = static_cast<Index>(reserve.dims[0]);
  back.steps = static_cast<Index>(reserve.dims[1]);
  want(reserve, back.batch * back.steps * (facts(what.cell).sums() + states) * reserve_units<T>(units), "the reserve");
  for (int i = 0; i < states; ++i) {
    const xla::Buffer& state = call.argument();
    want(state, back.batch * units, "a state");
    back.initial[i] = Call::data<const T>(state);
  }
  back.mask = call.argument_data<std::uint8_t>();
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
  if (back.batch == 0) return;
  Backwards<T>(what.cell, units, weights, what.activation, what.recurrent_activation).run(back);
}

// x (B, T, I), the reserve, the first state's first (B, H), the gradients of all sums -> the gradients of the kernels
// and of the bias.
template <class T>
void weight_gradients(Call& call, const xla::Buffer& x) {
  const What what(call);
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

// The gradients of all sums (B, T, sums, H), the kernel -> the gradient of x.
template <class T>
void input_gradient(Call& call, const xla::Buffer& dz) {
  const What what(call);
  if (dz.rank != 4) throw std::invalid_argument("the gradient of the sums must be (B, T, sums, H)");
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
  gradient.go_backwards = what.go_backwards;
  run(gradient);
}

xla::Error* error(const xla::CallFrame& frame, std::int32_t code, const char* message) {
  xla::ErrorArguments arguments{sizeof(xla::ErrorArguments), nullptr, message, code};
  return frame.api->make_error(&arguments);
}

template <class Run>
xla::Error* handle(xla::CallFrame* frame, Run run) {
  if (frame->extensions != nullptr && frame->extensions->type == xla::kMetadata) {
    xla::Metadata& metadata = *reinterpret_cast<xla::MetadataExtension*>(frame->extensions)->metadata;
    metadata.version = {sizeof(xla::Version), nullptr, xla::kMajor, xla::kMinor};
    metadata.traits = 0;
    return nullptr;
  }
  if (frame->stage != xla::kExecute) return nullptr;
  try {
    Call call(*frame);
    const xla::Buffer& first = call.argument();
    if (first.dtype == xla::kFloat32) {
      run(float(), call, first);
    } else if (first.dtype == xla::kFloat64) {
      run(double(), call, first);
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

using Handler = xla::Error* (*)(xla::CallFrame*);

struct Named {
  const char* name;
  Handler handler;
};

constexpr Named kHandlers[] = {
    {"forward",
     [](xla::CallFrame* frame) {
       return handle(frame, [](auto n, Call& call, const xla::Buffer& x) { forward<decltype(n)>(call, x); });
     }},
    {"backward",
     [](xla::CallFrame* frame) {
       return handle(frame, [](auto n, Call& call, const xla::Buffer& kept) { backward<decltype(n)>(call, kept); });
     }},
    {"weight_gradients",
     [](xla::CallFrame* frame) {
       return handle(frame, [](auto n, Call& call, const xla::Buffer& x) { weight_gradients<decltype(n)>(call, x); });
     }},
    {"input_gradient",
     [](xla::CallFrame* frame) {
       return handle(frame, [](auto n, Call& call, const xla::Buffer& dz) { input_gradient<decltype(n)>(call, dz); });
     }},
};

}  // namespace

void bind_xla_handlers(nb::module_& module) {
  module.def(
      "xla_handlers",
      [] {
        nb::dict handlers;
        for (const Named& each : kHandlers) {
          handlers[each.name] = nb::capsule(reinterpret_cast<void*>(each.handler), "xla._CUSTOM_CALL_TARGET");
        }
        return handlers;
      },
      "The recurrence as functions that XLA calls, as capsules for jax.ffi.register_ffi_target.");
}

}  // namespace gatewise
