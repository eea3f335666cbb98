// Cells and their weights by name and by shape: what Python, streams and tests ask before they make a layer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cells/list.h"

namespace gatewise {

// Throws std::invalid_argument for an unknown name, with those there are.
Cell cell_named(const std::string& name);

int gates_of(Cell cell);
int states_of(Cell cell);

// The place of a weight among the cell's; throws std::invalid_argument, with those it has, where it has no such one.
int weight_named(Cell cell, const std::string& name);

struct Sizes {
  Index inputs = 0;
  Index units = 0;
};

// How many numbers a weight has.
Index numbers_of(Cell cell, int weight, Sizes sizes);

using Shape = std::vector<Index>;

// What the shapes of a cell's weights, in their order, say of a layer. A weight without a shape was not given. Throws
// std::invalid_argument, with what came and what was wanted, where they do not fit or one is missing.
Sizes check_shapes(Cell cell, const std::vector<std::optional<Shape>>& shapes);

// A shape as Python writes it.
std::string shape_text(const Shape& shape);

}  // namespace gatewise
