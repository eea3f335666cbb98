// Recurrences for Python: weights by name, and calls.
#include "python/binding_recurrence.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "cells/named.h"
#include "python/arrays.h"
#include "recurrence/recurrence.h"

using namespace nanobind::literals;

namespace gatewise {
namespace {

// A cell's weights in the order of its facts; those that were not given, or are None, are not there.
using GivenWeights = std::vector<std::optional<Array>>;

GivenWeights weights_by_name(Cell cell, const nb::mapping& weights) {
  GivenWeights given(static_cast<std::size_t>(facts(cell).weights.size()));
  for (nb::handle item : weights.items()) {
    const auto name = nb::cast<std::string>(item[0]);
    const nb::object value = item[1];
    const auto at = static_cast<std::size_t>(weight_named(cell, name));
    if (value.is_none()) continue;
    Array array;
    if (!nb::try_cast(value, array)) throw nb::type_error((name + " is not an array of numbers").c_str());
    given[at] = array;
  }
  return given;
}

template <class T>
Recurrence<T> make(Cell cell, Sizes sizes, const GivenWeights& given, Activation activation,
                   Activation recurrent_activation, bool bfloat16) {
  std::vector<std::vector<T>> copies(given.size());
  Weights<T> weights;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (!given[i]) continue;
    want_type<T>(facts(cell).weights[static_cast<int>(i)].name, *given[i]);
    copies[i] = row_major<T>(*given[i]);
    weights.at[i] = copies[i].data();
  }
  return Recurrence<T>(cell, sizes, weights, activation, recurrent_activation, bfloat16);
}

// A Recurrence of either type, with what Python must be told about it.
class Bound {
 public:
  Bound(const std::string& cell_name, const nb::mapping& weights, const std::string& activation_name,
        const std::string& recurrent_name, const std::string& precision) {
    const Cell cell = cell_named(cell_name);
    const Activation activation = activation_named(activation_name);
    const Activation gate = activation_named(recurrent_name);
    if (precision != "float32" && precision != "bfloat16") {
      throw std::invalid_argument("unknown precision \"" + precision + "\"; known are float32, bfloat16");
    }
    const bool bfloat16 = precision == "bfloat16";
    const GivenWeights given = weights_by_name(cell, weights);
    std::vector<std::optional<Shape>> shapes;
    for (const std::optional<Array>& each : given) {
      shapes.push_back(each ? std::optional<Shape>(shape_of(*each)) : std::nullopt);
    }
    const Sizes sizes = check_shapes(cell, shapes);
    const nb::dlpack::dtype type = given[kKernelAt]->dtype();
    if (type == nb::dtype<float>()) {
      layer_.emplace<Recurrence<float>>(make<float>(cell, sizes, given, activation, gate, bfloat16));
      dtype_ = empty_.dtype("float32");
    } else if (type == nb::dtype<double>()) {
      if (bfloat16) throw nb::type_error("precision bfloat16 is for float32 weights, not float64");
      layer_.emplace<Recurrence<double>>(make<double>(cell, sizes, given, activation, gate, false));
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
    const PackedLayer<T>& layer = recurrence.layer();
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
  static void set_input(Sequence<T>& call, const PackedLayer<T>& layer, const Array& x) {
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
  static void set_states(Sequence<T>& call, const PackedLayer<T>& layer, nb::handle states,
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

nb::dict cells() {
  nb::dict all;
  for (const CellFacts& cell : Cells::kFacts) {
    nb::list states;
    for (const char* state : cell.states) states.append(state);
    nb::dict weights;
    for (const WeightFact& weight : cell.weights) weights[weight.name] = weight.shape;
    nb::dict one;
    one["gates"] = cell.gates;
    one["states"] = nb::tuple(states);
    one["weights"] = weights;
    all[cell.name] = one;
  }
  return all;
}

nb::tuple activations() {
  nb::list names;
  for (const char* name : kActivationNames) names.append(name);
  return nb::tuple(names);
}

}  // namespace

void bind_recurrence(nb::module_& module) {
  module.def("cells", &cells,
             "The cells by name, each with its gates' letters, its states' names and its weights' shapes in letters.");
  module.def("activations", &activations, "The activations' names.");

  nb::class_<Bound>(module, "Recurrence", "The packed weights of one recurrent layer.")
      .def(nb::init<const std::string&, const nb::mapping&, const std::string&, const std::string&,
                    const std::string&>(),
           "cell"_a, "weights"_a, "activation"_a, "recurrent_activation"_a, "precision"_a = "float32")
      .def("forward", &Bound::forward, "x"_a, "states"_a.none(), "mask"_a.none(), "go_backwards"_a, "sequences"_a,
           "zero_masked"_a, "Run the layer over x (B, T, I): a tuple of the output and the final states.");
}

}  // namespace gatewise
