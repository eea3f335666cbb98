// The Python module gatewise.engine._native.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cells/names.h"
#include "python/binding_stream.h"
#include "recurrence/isa.h"
#include "recurrence/recurrence.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gatewise {
namespace {

using Array = nb::ndarray<nb::ro, nb::device::cpu>;

template <class T>
constexpr const char* type_name() {
  return sizeof(T) == 4 ? "float32" : "float64";
}

std::string shape_of(const Array& array) {
  std::string text = "(";
  for (std::size_t i = 0; i < array.ndim(); ++i) {
    text += (i != 0 ? ", " : "") + std::to_string(array.shape(i));
  }
  return text + (array.ndim() == 1 ? ",)" : ")");
}

[[noreturn]] void refuse(const std::string& what, const Array& array, const std::string& wanted) {
  throw std::invalid_argument(what + " has shape " + shape_of(array) + "; wanted " + wanted);
}

template <class T>
void want_type(const char* what, const Array& array) {
  if (array.dtype() != nb::dtype<T>()) {
    throw nb::type_error((std::string(what) + " is not of type " + type_name<T>() + ", as the kernel is").c_str());
  }
}

template <class T>
const T* elements(const Array& array) {
  return static_cast<const T*>(array.data());
}

// A copy in row-major order, whatever the strides.
template <class T>
std::vector<T> row_major(const Array& array) {
  const std::size_t rows = array.ndim() == 2 ? array.shape(0) : 1;
  const std::size_t columns = array.ndim() == 0 ? 1 : array.shape(array.ndim() - 1);
  const Index down = array.ndim() == 2 ? array.stride(0) : 0;
  const Index along = array.ndim() == 0 ? 0 : array.stride(array.ndim() - 1);
  std::vector<T> copy;
  copy.reserve(rows * columns);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      copy.push_back(elements<T>(array)[static_cast<Index>(r) * down + static_cast<Index>(c) * along]);
    }
  }
  return copy;
}

struct Shape {
  Index inputs;
  Index units;
};

Shape check_weights(Cell cell, const Array& kernel, const Array& recurrent, const std::optional<Array>& bias) {
  const auto gates = static_cast<std::size_t>(gates_of(cell));
  const std::string g = gates == 1 ? "" : std::to_string(gates);
  if (recurrent.ndim() != 2 || recurrent.shape(0) == 0 || recurrent.shape(1) != gates * recurrent.shape(0)) {
    refuse("recurrent_kernel", recurrent, "(H, " + g + "H) with H at least 1");
  }
  const std::size_t units = recurrent.shape(0);
  if (kernel.ndim() != 2 || kernel.shape(1) != gates * units) {
    refuse("kernel", kernel, "(I, " + std::to_string(gates * units) + ")");
  }
  if (bias) {
    const bool right = cell == Cell::gru_reset_after
                           ? bias->ndim() == 2 && bias->shape(0) == 2 && bias->shape(1) == gates * units
                           : bias->ndim() == 1 && bias->shape(0) == gates * units;
    const std::string columns = std::to_string(gates * units);
    if (!right) refuse("bias", *bias, cell == Cell::gru_reset_after ? "(2, " + columns + ")" : "(" + columns + ",)");
  }
  return {static_cast<Index>(kernel.shape(0)), static_cast<Index>(units)};
}

template <class T>
Recurrence<T> make(Cell cell, const Array& kernel, const Array& recurrent, const std::optional<Array>& bias,
                   Activation activation, Activation recurrent_activation, bool bfloat16) {
  const Shape shape = check_weights(cell, kernel, recurrent, bias);
  want_type<T>("recurrent_kernel", recurrent);
  if (bias) want_type<T>("bias", *bias);
  const std::vector<T> kernel_copy = row_major<T>(kernel);
  const std::vector<T> recurrent_copy = row_major<T>(recurrent);
  const std::vector<T> bias_copy = bias ? row_major<T>(*bias) : std::vector<T>();
  const Weights<T> weights{kernel_copy.data(), recurrent_copy.data(), bias ? bias_copy.data() : nullptr};
  return Recurrence<T>(cell, shape.inputs, shape.units, weights, activation, recurrent_activation, bfloat16);
}

// New arrays are made by numpy.empty: cheaper than a capsule that owns memory, and they are NumPy's like any other.
class Empty {
 public:
  Empty() : function_(nb::module_::import_("numpy").attr("empty")) {}

  template <class T, std::size_t N>
  std::pair<nb::object, T*> make(const std::array<Index, N>& shape, nb::handle dtype) const {
    nb::object sizes = nb::steal(PyTuple_New(static_cast<Py_ssize_t>(N)));
    for (std::size_t i = 0; i < N; ++i) {
      PyTuple_SET_ITEM(sizes.ptr(), static_cast<Py_ssize_t>(i), PyLong_FromSsize_t(shape[i]));
    }
    PyObject* arguments[] = {sizes.ptr(), dtype.ptr()};
    nb::object array = nb::steal(PyObject_Vectorcall(function_.ptr(), arguments, 2, nullptr));
    if (!array.is_valid()) nb::raise_python_error();
    Py_buffer view;
    if (PyObject_GetBuffer(array.ptr(), &view, PyBUF_SIMPLE | PyBUF_WRITABLE) != 0) nb::raise_python_error();
    auto* data = static_cast<T*>(view.buf);
    PyBuffer_Release(&view);
    return {std::move(array), data};
  }

  nb::object dtype(const char* name) const { return nb::module_::import_("numpy").attr("dtype")(name); }

 private:
  nb::object function_;
};

// A Recurrence of either type, with what Python must be told about it.
class Bound {
 public:
  Bound(const std::string& cell_name, const Array& kernel, const Array& recurrent, const std::optional<Array>& bias,
        const std::string& activation_name, const std::string& recurrent_name, const std::string& precision) {
    const Cell cell = cell_named(cell_name);
    const Activation activation = activation_named(activation_name);
    const Activation gate = activation_named(recurrent_name);
    if (precision != "float32" && precision != "bfloat16") {
      throw std::invalid_argument("unknown precision \"" + precision + "\"; known are float32, bfloat16");
    }
    const bool bfloat16 = precision == "bfloat16";
    if (kernel.dtype() == nb::dtype<float>()) {
      layer_.emplace<Recurrence<float>>(make<float>(cell, kernel, recurrent, bias, activation, gate, bfloat16));
      dtype_ = empty_.dtype("float32");
    } else if (kernel.dtype() == nb::dtype<double>()) {
      if (bfloat16) throw nb::type_error("precision bfloat16 is for float32 weights, not float64");
      layer_.emplace<Recurrence<double>>(make<double>(cell, kernel, recurrent, bias, activation, gate, false));
      dtype_ = empty_.dtype("float64");
    } else {
      throw nb::type_error("kernel must be float32 or float64");
    }
  }

  nb::object forward(const Array& x, nb::handle states, const std::optional<Array>& mask, bool go_backwards,
                     bool sequences, bool zero_masked) const {
    if (const auto* layer = std::get_if<Recurrence<float>>(&layer_)) {
      return run(*layer, x, states, mask, go_backwards, sequences, zero_masked);
    }
    return run(std::get<Recurrence<double>>(layer_), x, states, mask, go_backwards, sequences, zero_masked);
  }

 private:
  template <class T>
  nb::object run(const Recurrence<T>& recurrence, const Array& x, nb::handle states, const std::optional<Array>& mask,
                 bool go_backwards, bool sequences, bool zero_masked) const {
    const Layer<T>& layer = recurrence.layer();
    Sequence<T> call;
    set_input(call, layer, x);
    if (mask) set_mask(call, *mask);
    std::array<std::optional<Array>, kMaxStates> held;
    if (!states.is_none()) set_states(call, layer, states, held);
    call.go_backwards = go_backwards;
    call.sequences = sequences;
    call.zero_masked = zero_masked;

    std::vector<T> contiguous;
    if (x.stride(2) != 1 && layer.inputs > 1) make_contiguous(call, layer.inputs, x.stride(2), contiguous);

    nb::object result = nb::steal(PyTuple_New(1 + layer.states));
    auto y = sequences ? empty_.make<T, 3>({call.batch, call.steps, layer.units}, dtype_)
                       : empty_.make<T, 2>({call.batch, layer.units}, dtype_);
    call.y = y.second;
    PyTuple_SET_ITEM(result.ptr(), 0, y.first.release().ptr());
    for (int i = 0; i < layer.states; ++i) {
      auto last = empty_.make<T, 2>({call.batch, layer.units}, dtype_);
      call.last[i] = last.second;
      PyTuple_SET_ITEM(result.ptr(), 1 + i, last.first.release().ptr());
    }
    const nb::gil_scoped_release release;
    recurrence.forward(call);
    return result;
  }

  template <class T>
  static void set_input(Sequence<T>& call, const Layer<T>& layer, const Array& x) {
    if (x.ndim() != 3 || static_cast<Index>(x.shape(2)) != layer.inputs) {
      refuse("x", x, "(B, T, " + std::to_string(layer.inputs) + ")");
    }
    want_type<T>("x", x);
    call.batch = static_cast<Index>(x.shape(0));
    call.steps = static_cast<Index>(x.shape(1));
    call.x = elements<T>(x);
    call.x_batch = x.stride(0);
    call.x_time = x.stride(1);
  }

  template <class T>
  static void set_mask(Sequence<T>& call, const Array& mask) {
    if (mask.ndim() != 2 || static_cast<Index>(mask.shape(0)) != call.batch ||
        static_cast<Index>(mask.shape(1)) != call.steps) {
      refuse("mask", mask, "(" + std::to_string(call.batch) + ", " + std::to_string(call.steps) + ")");
    }
    if (mask.dtype() != nb::dtype<bool>()) throw nb::type_error("mask is not of type bool");
    call.mask = elements<std::uint8_t>(mask);
    call.mask_batch = mask.stride(0);
    call.mask_time = mask.stride(1);
  }

  template <class T>
  static void set_states(Sequence<T>& call, const Layer<T>& layer, nb::handle states,
                         std::array<std::optional<Array>, kMaxStates>& held) {
    if (!PyTuple_Check(states.ptr()) || PyTuple_GET_SIZE(states.ptr()) != layer.states) {
      throw std::invalid_argument("states must be None or a tuple of " + std::to_string(layer.states) + " array(s)");
    }
    for (int i = 0; i < layer.states; ++i) {
      auto& state = held[static_cast<std::size_t>(i)];
      state = nb::cast<Array>(nb::handle(PyTuple_GET_ITEM(states.ptr(), i)));
      if (state->ndim() != 2 || static_cast<Index>(state->shape(0)) != call.batch ||
          static_cast<Index>(state->shape(1)) != layer.units) {
        refuse("state " + std::to_string(i), *state,
               "(" + std::to_string(call.batch) + ", " + std::to_string(layer.units) + ")");
      }
      want_type<T>("a state", *state);
      call.initial[i] = elements<T>(*state);
      call.initial_batch[i] = state->stride(0);
      call.initial_unit[i] = state->stride(1);
    }
  }

  // The kernels read the elements of one input one after the other; any other order is copied first.
  template <class T>
  static void make_contiguous(Sequence<T>& call, Index inputs, Index stride, std::vector<T>& copy) {
    copy.reserve(static_cast<std::size_t>(call.batch * call.steps * inputs));
    for (Index b = 0; b < call.batch; ++b) {
      for (Index t = 0; t < call.steps; ++t) {
        const T* from = call.x + b * call.x_batch + t * call.x_time;
        for (Index i = 0; i < inputs; ++i) copy.push_back(from[i * stride]);
      }
    }
    call.x = copy.data();
    call.x_batch = call.steps * inputs;
    call.x_time = inputs;
  }

  Empty empty_;
  nb::object dtype_;
  std::variant<std::monostate, Recurrence<float>, Recurrence<double>> layer_;
};

std::vector<std::string> isa_names() {
  std::vector<std::string> names;
  for (const Kernels* kernels : available_kernels()) names.emplace_back(kernels->name);
  return names;
}

void want_threads(Index count) {
  if (count < 0) throw std::invalid_argument("threads must be 0 (automatic) or more, not " + std::to_string(count));
  set_threads(count);
}

}  // namespace

// What threadpoolctl calls: plain functions that it finds by name in this library. See engine/limits.py.
#define GATEWISE_EXPORT extern "C" __attribute__((visibility("default")))

GATEWISE_EXPORT int gatewise_get_num_threads() { return static_cast<int>(threads()); }

GATEWISE_EXPORT void gatewise_set_num_threads(int count) { limit_threads(count); }

NB_MODULE(_native, module) {
  // What a program keeps until its end, in a cache or a thread, is no leak worth words on its error output.
  nb::set_leak_warnings(false);
  module.doc() = "The native engine: recurrences with packed weights, vector instructions and threads.";
  module.def("isas", &isa_names, "Instruction sets that this machine has, lowest first.");
  module.def("isa", [] { return std::string(current_kernels().name); }, "The instruction set in use.");
  module.def("set_isa", &set_isa, "name"_a, "Choose the instruction set of recurrences made from now on.");
  module.def(
      "has_bfloat16", [] { return current_kernels().tiles32 != nullptr; },
      "Whether this machine multiplies bfloat16 numbers itself, with the instruction set in use.");
  module.def("threads", &threads, "How many threads a call from this thread may use.");
  module.def("set_threads", &want_threads, "count"_a, "Set how many threads a call may use; 0 is automatic.");

  nb::class_<Bound>(module, "Recurrence", "The packed weights of one recurrent layer.")
      .def(nb::init<const std::string&, const Array&, const Array&, const std::optional<Array>&, const std::string&,
                    const std::string&, const std::string&>(),
           "cell"_a, "kernel"_a, "recurrent_kernel"_a, "bias"_a.none(), "activation"_a, "recurrent_activation"_a,
           "precision"_a = "float32")
      .def("forward", &Bound::forward, "x"_a, "states"_a.none(), "mask"_a.none(), "go_backwards"_a, "sequences"_a,
           "zero_masked"_a, "Run the layer over x (B, T, I): a tuple of the output and the final states.");

  stream::bind_stream(module);
}

}  // namespace gatewise
