// The activations that the engine's vectors do not have, one number at a time and in double precision: they stand at
// the end of models, on few numbers. The definitions are those of gatewise.activations; NaN in is NaN out.
#pragma once

#include <string>

namespace gatewise::stream {

struct Parameters {
  double a = 0;
  double b = 0;
  double c = 0;
};

using Function = double (*)(double x, const Parameters& parameters);

// Null for a name that is not known.
Function function_named(const std::string& name);

}  // namespace gatewise::stream
