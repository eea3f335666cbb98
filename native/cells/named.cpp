#include "cells/named.h"

#include <stdexcept>

namespace gatewise {
namespace {

// "(H, 4H)" and, of an axis whose letter has a size, the number: "(I, 20)".
std::string wanted_text(Cell cell, const WeightFact& weight, Index units) {
  const Axes axes = weight.axes();
  const Index gates = gates_of(cell);
  std::string text = "(";
  for (int i = 0; i < axes.count; ++i) {
    const Axis& axis = axes.at[i];
    const Index times = axis.gates ? gates : axis.number;
    if (i != 0) text += ", ";
    if (axis.letter == 'H' && units != 0) {
      text += std::to_string(times * units);
    } else {
      if (times != 1 || axis.letter == 0) text += std::to_string(times);
      if (axis.letter != 0) text += axis.letter;
    }
  }
  return text + (axes.count == 1 ? ",)" : ")");
}

Index size_of(Cell cell, const Axis& axis, Sizes sizes) {
  const Index letter = axis.letter == 'I' ? sizes.inputs : (axis.letter == 'H' ? sizes.units : 1);
  return letter * (axis.gates ? gates_of(cell) : axis.number);
}

bool fits(Cell cell, const WeightFact& weight, const Shape& shape, Sizes sizes) {
  const Axes axes = weight.axes();
  if (static_cast<int>(shape.size()) != axes.count) return false;
  for (int i = 0; i < axes.count; ++i) {
    if (shape[static_cast<std::size_t>(i)] != size_of(cell, axes.at[i], sizes)) return false;
  }
  return true;
}

std::string weights_text(Cell cell) {
  std::string text;
  for (const WeightFact& weight : facts(cell).weights) {
    text += std::string(text.empty() ? "" : ", ") + weight.name + " " + weight.shape;
  }
  return text;
}

void want(bool right, const WeightFact& weight, const Shape& shape, const std::string& wanted) {
  if (right) return;
  throw std::invalid_argument(std::string(weight.name) + " has shape " + shape_text(shape) + "; wanted " + wanted);
}

}  // namespace

Cell cell_named(const std::string& name) {
  std::string all;
  int at = 0;
  for (const CellFacts& cell : Cells::kFacts) {
    if (name == cell.name) return Cell(at);
    all += std::string(all.empty() ? "" : ", ") + cell.name;
    ++at;
  }
  throw std::invalid_argument("unknown cell \"" + name + "\"; known are " + all);
}

int gates_of(Cell cell) { return facts(cell).gate_count(); }

int states_of(Cell cell) { return facts(cell).states.size(); }

int weight_named(Cell cell, const std::string& name) {
  const List<WeightFact>& weights = facts(cell).weights;
  for (int i = 0; i < weights.size(); ++i) {
    if (name == weights[i].name) return i;
  }
  throw std::invalid_argument(std::string("the cell ") + facts(cell).name + " has no weight \"" + name +
                              "\"; its weights are " + weights_text(cell));
}

Index numbers_of(Cell cell, int weight, Sizes sizes) {
  const Axes axes = facts(cell).weights[weight].axes();
  Index count = 1;
  for (int i = 0; i < axes.count; ++i) count *= size_of(cell, axes.at[i], sizes);
  return count;
}

Sizes check_shapes(Cell cell, const std::vector<std::optional<Shape>>& shapes) {
  const List<WeightFact>& weights = facts(cell).weights;
  const auto given = [&](int i) -> const std::optional<Shape>& { return shapes[static_cast<std::size_t>(i)]; };
  for (int i = 0; i < weights.size(); ++i) {
    if (given(i) || weights[i].optional) continue;
    throw std::invalid_argument(std::string("the cell ") + facts(cell).name + " lacks the weight \"" + weights[i].name +
                                "\"; its weights are " + weights_text(cell));
  }
  // The letters' sizes are those that these two have, where they have them at all.
  const Shape& recurrent = *given(kRecurrentKernelAt);
  const Shape& kernel = *given(kKernelAt);
  Sizes sizes{kernel.empty() ? 0 : kernel[0], recurrent.empty() ? 0 : recurrent[0]};
  if (!facts(cell).multiplies()) sizes.units = kernel.size() == 2 ? kernel[1] / gates_of(cell) : 0;
  want(sizes.units > 0 && fits(cell, weights[kRecurrentKernelAt], recurrent, sizes), weights[kRecurrentKernelAt],
       recurrent, wanted_text(cell, weights[kRecurrentKernelAt], 0) + " with H at least 1");
  for (int i = 0; i < weights.size(); ++i) {
    if (!given(i)) continue;
    want(fits(cell, weights[i], *given(i), sizes), weights[i], *given(i), wanted_text(cell, weights[i], sizes.units));
  }
  return sizes;
}

std::string shape_text(const Shape& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i != 0 ? ", " : "") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

}  // namespace gatewise
