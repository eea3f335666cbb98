// The activations of streams. A few are the engine's own, on vectors; the others work one number at a time and in
// double precision: they stand at the end of models, on few numbers. Names, parameters and definitions are those of
// gatewise.activations; NaN in is NaN out.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "stream/view.h"

namespace gatewise::stream {

// An activation's parameters, in the order of their names; zeros after the last.
using Parameters = std::array<double, 3>;

struct Function {
  std::string name;
  std::vector<std::string> parameters;
  double (*apply)(double x, const Parameters& parameters);  // null for the engine's own
};

const std::vector<Function>& functions();

// Throws std::invalid_argument for a name that is not known.
const Function& function_named(const std::string& name);

// The parameters in the function's order. Throws std::invalid_argument where they are not all, or others too.
Parameters in_order(const Function& function, const NamedNumbers& given);

}  // namespace gatewise::stream
