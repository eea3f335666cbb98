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
                   Activation recurrent_activation, RecurrenceOptions options) {
  std::vector<std::vector<T>> copies(given.size());
  Weights<T> weights;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (!given[i]) continue;
    want_type<T>(facts(cell).weights[static_cast<int>(i)].name, *given[i]);
    copies[i] = row_major<T>(*given[i]);
    weights.at[i] = copies[i].data();
  }
  return Recurrence<T>(cell, sizes, weights, activation, recurrent_activation, options);
}

// What a call is given.
struct Arguments {
  const Array& x;
  nb::handle states;
  const std::optional<Array>& mask;
  bool go_backwards;
  bool sequences;
  bool zero_masked;
};

// A call, what it holds while it runs, and where its results go.
template <class T>
struct Prepared {
  Sequence<T> call;
  std::array<std::optional<Array>, kMaxStates> held;
  std::vector<T> contiguous;
  nb::object result;
};

// A Recurrence of either type, with what Python must be told about it.
class Bound {
 public:
  Bound(const std::string& cell_name, const nb::mapping& weights, const std::string& activation_name,
        const std::string& recurrent_name, const std::string& precision, bool reserves)
      : reserves_(reserves) {
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
    const RecurrenceOptions options{bfloat16, reserves, false};
    const nb::dlpack::dtype type = given[kKernelAt]->dtype();
    if (type == nb::dtype<float>()) {
      layer_.emplace<Recurrence<float>>(make<float>(cell, sizes, given, activation, gate, options));
      dtype_ = empty_.dtype("float32");
    } else if (type == nb::dtype<double>()) {
      if (bfloat16) throw nb::type_error("precision bfloat16 is for float32 weights, not float64");
      layer_.emplace<Recurrence<double>>(make<double>(cell, sizes, given, activation, gate, options));
      dtype_ = empty_.dtype("float64");
    } else {
      throw nb::type_error("kernel must be float32 or float64");
    }
  }

  nb::object forward(const Array& x, nb::handle states, const std::optional<Array>& mask, bool go_backwards,
                     bool sequences, bool zero_masked) const {
    const Arguments given{x, states, mask, go_backwards, sequences, zero_masked};
    if (const auto* layer = std::get_if<Recurrence<float>>(&layer_)) return run(*layer, given);
    return run(std::get<Recurrence<double>>(layer_), given);
  }

  // The results of both calls. The second's arguments are a tuple of those of `forward`.
  static nb::object forward_both(const Bound& first, const Arguments& given, const Bound& second,
                                 const Arguments& others) {
    if (const auto* layer = std::get_if<Recurrence<float>>(&first.layer_)) {
      if (const auto* other = std::get_if<Recurrence<float>>(&second.layer_)) {
        return run_both(first, *layer, given, second, *other, others);
      }
    } else if (const auto* other = std::get_if<Recurrence<double>>(&second.layer_)) {
      return run_both(first, std::get<Recurrence<double>>(first.layer_), given, second, *other, others);
    }
    throw nb::type_error("both recurrences must be float32, or both float64");
  }

 private:
  template <class T>
  nb::object run(const Recurrence<T>& recurrence, const Arguments& given) const {
    Prepared<T> prepared;
    prepare(prepared, recurrence, given);
    interruptibly([&] { recurrence.forward(prepared.call); });
    return std::move(prepared.result);
  }

  template <class T>
  static nb::object run_both(const Bound& first, const Recurrence<T>& recurrence, const Arguments& given,
                             const Bound& second, const Recurrence<T>& other, const Arguments& others) {
    Prepared<T> prepared;
    Prepared<T> prepared_other;
    first.prepare(prepared, recurrence, given);
    second.prepare(prepared_other, other, others);
    interruptibly([&] { Recurrence<T>::forward_both(recurrence, prepared.call, other, prepared_other.call); });
    return nb::make_tuple(std::move(prepared.result), std::move(prepared_other.result));
  }

  template <class T>
  void prepare(Prepared<T>& prepared, const Recurrence<T>& recurrence, const Arguments& given) const {
    const PackedLayer<T>& layer = recurrence.layer();
    Sequence<T>& call = prepared.call;
    set_input(call, layer, given.x);
    if (given.mask) set_mask(call, *given.mask);
    if (!given.states.is_none()) set_states(call, layer, given.states, prepared.held);
    call.go_backwards = given.go_backwards;
    call.sequences = given.sequences;
    call.zero_masked = given.zero_masked;
    if (given.x.stride(2) != 1 && layer.inputs > 1) {
      make_contiguous(call, layer.inputs, given.x.stride(2), prepared.contiguous);
    }
    prepared.result = nb::steal(PyTuple_New(1 + layer.states + (reserves_ ? 1 : 0)));
    const auto put = [&](int place, std::pair<nb::object, T*> array) {
      PyTuple_SetItem(prepared.result.ptr(), place, array.first.release().ptr());
      return array.second;
    };
    call.y = put(0, given.sequences ? empty_.make<T, 3>({call.batch, call.steps, layer.units}, dtype_)
                                    : empty_.make<T, 2>({call.batch, layer.units}, dtype_));
    for (int i = 0; i < layer.states; ++i) {
      call.last[i] = put(1 + i, empty_.make<T, 2>({call.batch, layer.units}, dtype_));
    }
    if (!reserves_) return;
    call.fills = true;
    const Index fields = facts(layer.cell).sums() + layer.states;
    call.reserve = put(1 + layer.states,
                       empty_.make<T, 4>({call.batch, call.steps, fields, reserve_units<T>(layer.units)}, dtype_));
  }

  Empty empty_;
  nb::object dtype_;
  bool reserves_;
  std::variant<std::monostate, Recurrence<float>, Recurrence<double>> layer_;
};

// The arguments of `forward` in a tuple, and the arrays among them.
class Given {
 public:
  explicit Given(const nb::tuple& all)
      : x_(nb::cast<Array>(all[0])),
        mask_(all[2].is_none() ? std::nullopt : std::optional<Array>(nb::cast<Array>(all[2]))),
        arguments_{x_, all[1], mask_, nb::cast<bool>(all[3]), nb::cast<bool>(all[4]), nb::cast<bool>(all[5])} {}
  Given(const Given&) = delete;
  Given& operator=(const Given&) = delete;

  const Arguments& arguments() const { return arguments_; }

 private:
  Array x_;
  std::optional<Array> mask_;
  Arguments arguments_;
};

nb::object forward_both(const Bound& first, const nb::tuple& given, const Bound& second, const nb::tuple& others) {
  if (given.size() != 6 || others.size() != 6) throw std::invalid_argument("wanted the six arguments of forward");
  return Bound::forward_both(first, Given(given).arguments(), second, Given(others).arguments());
}

}  // namespace

void bind_recurrence(nb::module_& module) {
  nb::class_<Bound>(module, "Recurrence", "The packed weights of one recurrent layer.")
      .def(nb::init<const std::string&, const nb::mapping&, const std::string&, const std::string&, const std::string&,
                    bool>(),
           "cell"_a, "weights"_a, "activation"_a, "recurrent_activation"_a, "precision"_a = "float32",
           "reserves"_a = false)
      .def("forward", &Bound::forward, "x"_a, "states"_a.none(), "mask"_a.none(), "go_backwards"_a, "sequences"_a,
           "zero_masked"_a,
           "Run the layer over x (B, T, I): a tuple of the output and the final states, and with `reserves` the "
           "reserve.");
  module.def("forward_both", &forward_both, "first"_a, "arguments"_a, "second"_a, "others"_a,
             "Two calls of forward at once, given their arguments as tuples: a tuple of what each gives.");
}

}  // namespace gatewise
