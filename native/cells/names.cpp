#include "cells/names.h"

#include <stdexcept>
#include <utility>
#include <vector>

namespace gatewise {

Cell cell_named(const std::string& name) {
  static const std::vector<std::pair<const char*, Cell>> cells = {
      {"simple", Cell::simple}, {"lstm", Cell::lstm}, {"gru", Cell::gru}, {"gru_reset_after", Cell::gru_reset_after}};
  for (const auto& [known, cell] : cells) {
    if (name == known) return cell;
  }
  throw std::invalid_argument("unknown cell \"" + name + "\"; known are simple, lstm, gru, gru_reset_after");
}

Activation activation_named(const std::string& name) {
  static const std::vector<std::pair<const char*, Activation>> activations = {
      {"tanh", Activation::tanh},
      {"sigmoid", Activation::sigmoid},
      {"hard_sigmoid", Activation::hard_sigmoid},
      {"keras2_hard_sigmoid", Activation::keras2_hard_sigmoid},
      {"relu", Activation::relu},
      {"linear", Activation::linear},
      {"softsign", Activation::softsign}};
  std::string all;
  for (const auto& [known, activation] : activations) {
    if (name == known) return activation;
    all += std::string(all.empty() ? "" : ", ") + known;
  }
  throw std::invalid_argument("unknown activation \"" + name + "\"; known are " + all);
}

}  // namespace gatewise
