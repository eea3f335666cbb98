#include "stream/builder.h"

#include <array>
#include <cmath>
#include <stdexcept>

#include "cells/named.h"
#include "kernels/activation.h"
#include "stream/functions.h"
#include "stream/ops/activate.h"
#include "stream/ops/convolution.h"
#include "stream/ops/dense.h"
#include "stream/ops/embedding.h"
#include "stream/ops/mask.h"
#include "stream/ops/merge.h"
#include "stream/ops/normalize.h"
#include "stream/ops/recurrent.h"

namespace gatewise::stream {
namespace {

// No step has as many numbers: a greater size is a mistake, and its products might overflow.
constexpr Index kMost = Index{1} << 40;

void want(bool right, const char* what) {
  if (!right) throw std::invalid_argument(std::string("a program: ") + what);
}

Index times(Index a, Index b) {
  want(a >= 0 && b >= 0 && (b == 0 || a <= kMost / b), "a size is negative or too large");
  return a * b;
}

const float* data_or_null(const std::optional<View>& array) { return array ? array->data : nullptr; }

}  // namespace

std::shared_ptr<const Program> Builder::finish() {
  finished_ = true;
  return program_;
}

Program& Builder::open() {
  want(!finished_, "it is in use, and nothing can be added to it");
  return *program_;
}

// The width of a value of floats.
Index Builder::width(int x) const {
  want(x >= 0 && x < program_->values() && !program_->is_ids(x), "there is no such value");
  return program_->width(x);
}

Index Builder::width_of_ids(int ids) const {
  want(ids >= 0 && ids < program_->values() && program_->is_ids(ids), "there are no such ids");
  return program_->width(ids);
}

// How often `size` goes into the value.
Index Builder::periods(int x, Index size) const {
  want(size > 0 && width(x) % size == 0, "an operation does not fit its input");
  return width(x) / size;
}

int Builder::known_mask(int mask) const {
  want(mask >= 0 && mask < program_->masks(), "there is no such mask");
  return mask;
}

int Builder::input(Index width, bool ids) { return open().add_input(times(width, 1), ids); }

void Builder::output(int value) {
  width(value);
  open().add_output(value);
}

Index Builder::state(Index width) { return open().add_state(times(width, 1)); }

int Builder::dense(int x, const View& kernel, const std::optional<View>& bias) {
  want(kernel.axes() == 2 && (!bias || bias->size() == kernel.shape[1]), "a kernel is (I, U) and its bias (U,)");
  const Index inputs = kernel.shape[0];
  const Index units = kernel.shape[1];
  const Index groups = periods(x, inputs);
  const int y = open().add_value(times(groups, units));
  open().add(std::make_unique<Dense>(x, y, groups, kernel.data, data_or_null(bias), inputs, units));
  return y;
}

std::pair<int, std::vector<Index>> Builder::recurrence(int x, int mask, const std::string& cell_name,
                                                       const NamedViews& weights, const std::string& activation,
                                                       const std::string& recurrent_activation, bool zero_masked,
                                                       const std::string& precision) {
  want(precision == "float32" || precision == "bfloat16", "the known precisions are float32 and bfloat16");
  if (mask != -1) known_mask(mask);
  const Cell cell = cell_named(cell_name);
  std::vector<std::optional<Shape>> shapes(static_cast<std::size_t>(facts(cell).weights.size()));
  Weights<float> numbers;
  for (const auto& [name, view] : weights) {
    const auto at = static_cast<std::size_t>(weight_named(cell, name));
    shapes[at] = view.shape;
    numbers.at[at] = view.data;
  }
  const Sizes sizes = check_shapes(cell, shapes);
  want(width(x) == sizes.inputs, "a recurrence does not fit its input");
  gatewise::Recurrence<float> packed(cell, sizes, numbers, activation_named(activation),
                                     activation_named(recurrent_activation), {precision == "bfloat16", false});
  const int y = open().add_value(sizes.units);
  std::vector<Place> places;
  std::vector<Index> offsets;
  for (int state = 0; state < states_of(cell); ++state) {
    places.push_back({open().add_state(sizes.units), sizes.units});
    offsets.push_back(places.back().offset);
  }
  open().add(std::make_unique<Recurrent>(x, y, mask, std::move(places), zero_masked, std::move(packed)));
  return {y, std::move(offsets)};
}

int Builder::take_state(Index place, Index width) {
  want(place >= 0 && width > 0 && width <= record() && place <= record() - width, "there is no such state");
  const int y = open().add_value(width);
  open().add(std::make_unique<TakeState>(y, Place{place, width}));
  open().go_by_steps();
  return y;
}

std::pair<int, Index> Builder::convolution(int x, const View& kernel, const std::optional<View>& bias, Index dilation,
                                           Index groups) {
  want(kernel.axes() == 3 && kernel.shape[0] >= 1 && dilation >= 1 && groups >= 1, "a kernel is (K, I / groups, F)");
  ConvolutionShape shape;
  shape.taps = kernel.shape[0];
  shape.inputs = times(kernel.shape[1], groups);
  shape.filters = kernel.shape[2];
  shape.dilation = dilation;
  shape.groups = groups;
  want(width(x) == shape.inputs && shape.filters % groups == 0 && (!bias || bias->size() == shape.filters),
       "the convolution's sizes do not fit");
  const Index past = times(times(shape.taps - 1, dilation), shape.inputs);
  const int y = open().add_value(shape.filters);
  const Index place = open().add_state(past);
  open().add(std::make_unique<Convolution>(x, y, place, shape, kernel.data, data_or_null(bias)));
  return {y, place};
}

int Builder::embedding(int ids, const View& table, const std::string& label) {
  want(table.axes() == 2, "an embedding's table is (N, D)");
  const Index width = width_of_ids(ids);
  const Index rows = table.shape[0];
  const Index columns = table.shape[1];
  const int y = open().add_value(times(width, columns));
  open().limit_ids(ids, rows, label);
  open().add(std::make_unique<Embedding>(ids, y, width, table.data, rows, columns));
  return y;
}

int Builder::activation(int x, const std::string& name, const NamedNumbers& parameters, bool in_place) {
  const Function& function = function_named(name);
  const Parameters numbers = in_order(function, parameters);
  const Index count = width(x);
  want(!in_place || !program_->is_input(x), "an input cannot be changed in place");
  const int y = in_place ? x : open().add_value(count);
  // A relu without slope, most and threshold is the engine's own.
  if (function.apply == nullptr || (name == "relu" && numbers == Parameters{0, HUGE_VAL, 0})) {
    open().add(std::make_unique<Activate>(x, y, count, activation_named(name)));
  } else {
    open().add(std::make_unique<Apply>(x, y, count, function.apply, numbers));
  }
  return y;
}

int Builder::softmax(int x, Index size, bool log) {
  periods(x, size);
  const int y = open().add_value(width(x));
  open().add(std::make_unique<Softmax>(x, y, width(x), size, log));
  return y;
}

int Builder::prelu(int x, const View& alpha) {
  want(width(x) == alpha.size(), "alpha does not fit");
  const int y = open().add_value(width(x));
  open().add(std::make_unique<PRelu>(x, y, alpha.numbers()));
  return y;
}

int Builder::scale_shift(int x, const View& scale, const View& shift) {
  want(scale.size() == shift.size(), "scale and shift differ in size");
  periods(x, scale.size());
  const int y = open().add_value(width(x));
  open().add(std::make_unique<ScaleShift>(x, y, width(x), scale.numbers(), shift.numbers()));
  return y;
}

int Builder::layer_norm(int x, double epsilon, const View& gamma, const View& beta) {
  want(gamma.size() == beta.size(), "gamma and beta differ in size");
  const Index groups = periods(x, gamma.size());
  const int y = open().add_value(width(x));
  open().add(std::make_unique<LayerNorm>(x, y, groups, epsilon, gamma.numbers(), beta.numbers()));
  return y;
}

int Builder::merge(const std::string& kind, const std::vector<int>& inputs) {
  static const std::pair<const char*, Merging> kinds[] = {
      {"add", Merging::add},         {"subtract", Merging::subtract}, {"multiply", Merging::multiply},
      {"average", Merging::average}, {"maximum", Merging::maximum},   {"minimum", Merging::minimum}};
  want(!inputs.empty(), "nothing to merge");
  const Index common = width(inputs[0]);
  for (const int x : inputs) want(width(x) == common, "merged values differ in width");
  for (const auto& [name, merging] : kinds) {
    if (kind != name) continue;
    const int y = open().add_value(common);
    open().add(std::make_unique<Merge>(merging, inputs, y, common));
    return y;
  }
  throw std::invalid_argument("unknown merge \"" + kind + "\"");
}

int Builder::concatenate(const std::vector<int>& inputs, Index outer) {
  std::vector<Index> sizes;
  Index total = 0;
  for (const int x : inputs) {
    want(outer > 0 && width(x) % outer == 0, "joined values do not fit");
    sizes.push_back(width(x) / outer);
    total += width(x);
  }
  const int y = open().add_value(total);
  open().add(std::make_unique<Concatenate>(inputs, std::move(sizes), y, outer));
  return y;
}

int Builder::mask_zero(int ids) {
  want(width_of_ids(ids) == 1, "a mask needs one id a step");
  const int mask = open().add_mask();
  open().add(std::make_unique<MaskZero>(ids, mask));
  return mask;
}

std::pair<int, int> Builder::masking(int x, float value) {
  const Index count = width(x);
  const int y = open().add_value(count);
  const int mask = open().add_mask();
  open().add(std::make_unique<Masking>(x, y, mask, count, value));
  return {y, mask};
}

int Builder::combine_masks(int first, int second, bool any) {
  known_mask(first);
  known_mask(second);
  const int mask = open().add_mask();
  open().add(std::make_unique<CombineMasks>(first, second, mask, any));
  return mask;
}

}  // namespace gatewise::stream
