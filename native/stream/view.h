// An array that somebody else owns, as the makers of a program hand it over: row-major float32 numbers and their shape.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "recurrence/engine.h"

namespace gatewise::stream {

struct View {
  const float* data = nullptr;
  std::vector<Index> shape;

  std::size_t axes() const { return shape.size(); }

  Index size() const {
    Index product = 1;
    for (const Index each : shape) product *= each;
    return product;
  }

  std::vector<float> numbers() const { return {data, data + size()}; }
};

// A layer's weights by name.
using NamedViews = std::vector<std::pair<std::string, View>>;

// An activation's parameters by name.
using NamedNumbers = std::vector<std::pair<std::string, double>>;

}  // namespace gatewise::stream
