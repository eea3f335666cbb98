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
#include "python/call.h"
#include "python/interruptible.h"
#include "recurrence/recurrence.h"

using namespace nb::literals;

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
  return Recurrence<T>(cell, sizes, weights, activation, recurrent_activation, {bfloat16, false});
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
    interruptibly([&] { recurrence.forward(call); });
    return result;
  }

  Empty empty_;
  nb::object dtype_;
  std::variant<std::monostate, Recurrence<float>, Recurrence<double>> layer_;
};

}  // namespace

void bind_recurrence(nb::module_& module) {
  nb::class_<Bound>(module, "Recurrence", "The packed weights of one recurrent layer.")
      .def(nb::init<const std::string&, const nb::mapping&, const std::string&, const std::string&,
                    const std::string&>(),
           "cell"_a, "weights"_a, "activation"_a, "recurrent_activation"_a, "precision"_a = "float32")
      .def("forward", &Bound::forward, "x"_a, "states"_a.none(), "mask"_a.none(), "go_backwards"_a, "sequences"_a,
           "zero_masked"_a, "Run the layer over x (B, T, I): a tuple of the output and the final states.");
}

}  // namespace gatewise
