#include "python/binding_facts.h"

#include "cells/list.h"
#include "kernels/activation.h"

namespace nb = nanobind;

namespace gatewise {
namespace {

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
    one["types"] = has_type<double>(cell) ? nb::make_tuple("float32", "float64") : nb::make_tuple("float32");
    one["reserves"] = cell.goes_back;
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

void bind_facts(nb::module_& module) {
  module.def("cells", &cells,
             "The cells by name, each with its gates' letters, its states' names, its weights' shapes in letters, the "
             "types of numbers that it is compiled for, and whether it keeps reserves and has a way back.");
  module.def("activations", &activations, "The activations' names.");
}

}  // namespace gatewise
