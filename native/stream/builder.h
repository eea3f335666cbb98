// Makes a Program: the one way, which checks whatever it is given, for Python and for tests without it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stream/program.h"
#include "stream/view.h"

namespace gatewise::stream {

// Operations are added in the order in which they run. Each returns the number of the value or mask that it makes, and
// one with a state the state's place in the record too. Arrays are copied. What does not fit is std::invalid_argument,
// and then nothing was added.
class Builder {
 public:
  Builder() : program_(std::make_shared<Program>()) {}

  // The program as it is; nothing can be added to it from now on.
  std::shared_ptr<const Program> finish();

  Index record() const { return program_->record(); }

  int input(Index width, bool ids);
  void output(int value);
  // Room in the record that no operation uses.
  Index state(Index width);

  // kernel (I, U), bias (U,).
  int dense(int x, const View& kernel, const std::optional<View>& bias);

  // The cell's weights by name; `mask` is -1 for none. Returns where each of the cell's states is.
  std::pair<int, std::vector<Index>> recurrence(int x, int mask, const std::string& cell, const NamedViews& weights,
                                                const std::string& activation, const std::string& recurrent_activation,
                                                bool zero_masked, const std::string& precision);

  // Part of the new state as a value. The program then takes one step at a time.
  int take_state(Index place, Index width);

  // kernel (K, I / groups, F), bias (F,).
  std::pair<int, Index> convolution(int x, const View& kernel, const std::optional<View>& bias, Index dilation,
                                    Index groups);

  // table (N, D); `label` names the layer in errors about ids.
  int embedding(int ids, const View& table, const std::string& label);

  // All parameters that the activation has. `in_place` says that nothing else reads x.
  int activation(int x, const std::string& name, const NamedNumbers& parameters, bool in_place);
  int softmax(int x, Index size, bool log);
  int prelu(int x, const View& alpha);

  int scale_shift(int x, const View& scale, const View& shift);
  int layer_norm(int x, double epsilon, const View& gamma, const View& beta);

  // `kind` is add, subtract, multiply, average, maximum or minimum.
  int merge(const std::string& kind, const std::vector<int>& inputs);
  int concatenate(const std::vector<int>& inputs, Index outer);

  int mask_zero(int ids);
  std::pair<int, int> masking(int x, float value);
  int combine_masks(int first, int second, bool any);

 private:
  Program& open();
  Index width(int x) const;
  Index width_of_ids(int ids) const;
  Index periods(int x, Index size) const;
  int known_mask(int mask) const;

  std::shared_ptr<Program> program_;
  bool finished_ = false;
};

}  // namespace gatewise::stream
