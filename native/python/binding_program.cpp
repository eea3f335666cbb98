// The maker of programs for Python, under the name Program.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "python/binding_stream.h"
#include "stream/builder.h"
#include "stream/functions.h"

using namespace nanobind::literals;

namespace gatewise::stream {
namespace {

using MaybeFloats = std::optional<Floats>;

View view_of(const Floats& array) {
  View view{array.data(), {}};
  for (std::size_t axis = 0; axis < array.ndim(); ++axis) view.shape.push_back(static_cast<Index>(array.shape(axis)));
  return view;
}

std::optional<View> view_of(const MaybeFloats& array) {
  return array ? std::optional<View>(view_of(*array)) : std::nullopt;
}

int dense(Builder& self, int x, const Floats& kernel, const MaybeFloats& bias) {
  return self.dense(x, view_of(kernel), view_of(bias));
}

// A weight that is None is left out.
std::pair<int, std::vector<Index>> recurrence(Builder& self, int x, int mask, const std::string& cell, nb::dict weights,
                                              const std::string& activation, const std::string& recurrent_activation,
                                              bool zero_masked, const std::string& precision) {
  std::vector<Floats> arrays;  // which keep what the views see
  NamedViews views;
  for (const auto& [name, array] : weights) {
    if (array.is_none()) continue;
    arrays.push_back(nb::cast<Floats>(array, false));
    views.emplace_back(nb::cast<std::string>(name), view_of(arrays.back()));
  }
  return self.recurrence(x, mask, cell, views, activation, recurrent_activation, zero_masked, precision);
}

std::pair<int, Index> convolution(Builder& self, int x, const Floats& kernel, const MaybeFloats& bias, Index dilation,
                                  Index groups) {
  return self.convolution(x, view_of(kernel), view_of(bias), dilation, groups);
}

int embedding(Builder& self, int ids, const Floats& table, const std::string& label) {
  return self.embedding(ids, view_of(table), label);
}

int activation(Builder& self, int x, const std::string& name, nb::dict parameters, bool in_place) {
  NamedNumbers numbers;
  for (const auto& [parameter, number] : parameters) {
    numbers.emplace_back(nb::cast<std::string>(parameter), nb::cast<double>(number));
  }
  return self.activation(x, name, numbers, in_place);
}

int prelu(Builder& self, int x, const Floats& alpha) { return self.prelu(x, view_of(alpha)); }

int scale_shift(Builder& self, int x, const Floats& scale, const Floats& shift) {
  return self.scale_shift(x, view_of(scale), view_of(shift));
}

int layer_norm(Builder& self, int x, double epsilon, const Floats& gamma, const Floats& beta) {
  return self.layer_norm(x, epsilon, view_of(gamma), view_of(beta));
}

nb::dict function_parameters() {
  nb::dict all;
  for (const Function& function : functions()) {
    nb::list names;
    for (const std::string& name : function.parameters) names.append(name);
    all[function.name.c_str()] = nb::tuple(names);
  }
  return all;
}

}  // namespace

void bind_program(nb::module_& module) {
  module.def("functions", &function_parameters, "The activations that streams compute, and their parameters' names.");
  nb::class_<Builder>(module, "Program", "A model as a list of operations that advance many streams by some steps.")
      .def(nb::init<>())
      .def_prop_ro("record", &Builder::record, "Floats of one stream's state.")
      .def("input", &Builder::input, "width"_a, "ids"_a)
      .def("output", &Builder::output, "value"_a)
      .def("state", &Builder::state, "width"_a)
      .def("dense", &dense, "x"_a, "kernel"_a, "bias"_a.none())
      .def("recurrence", &recurrence, "x"_a, "mask"_a, "cell"_a, "weights"_a, "activation"_a, "recurrent_activation"_a,
           "zero_masked"_a, "precision"_a = "float32")
      .def("take_state", &Builder::take_state, "place"_a, "width"_a)
      .def("convolution", &convolution, "x"_a, "kernel"_a, "bias"_a.none(), "dilation"_a, "groups"_a)
      .def("embedding", &embedding, "ids"_a, "table"_a, "label"_a)
      .def("activation", &activation, "x"_a, "name"_a, "parameters"_a, "in_place"_a)
      .def("softmax", &Builder::softmax, "x"_a, "size"_a, "log"_a)
      .def("prelu", &prelu, "x"_a, "alpha"_a)
      .def("scale_shift", &scale_shift, "x"_a, "scale"_a, "shift"_a)
      .def("layer_norm", &layer_norm, "x"_a, "epsilon"_a, "gamma"_a, "beta"_a)
      .def("merge", &Builder::merge, "kind"_a, "inputs"_a)
      .def("concatenate", &Builder::concatenate, "inputs"_a, "outer"_a)
      .def("mask_zero", &Builder::mask_zero, "ids"_a)
      .def("masking", &Builder::masking, "x"_a, "value"_a)
      .def("combine_masks", &Builder::combine_masks, "first"_a, "second"_a, "any"_a);
}

}  // namespace gatewise::stream
