#include "stream/functions.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "kernels/activation.h"

namespace gatewise::stream {
namespace {

using P = Parameters;

double clip(double x, double least, double most) { return x < least ? least : (x > most ? most : x); }

double sigmoid(double x) {
  const double e = std::exp(-std::fabs(x));
  return (x >= 0 ? 1 : e) / (1 + e);
}

double softplus(double x) { return (x >= 0 ? x : 0) + std::log1p(std::exp(-std::fabs(x))) + (x != x ? x : 0); }

double hard_sigmoid(double x) { return clip(x + 3, 0, 6) / 6; }

double relu(double x, const P& p) {
  const auto [negative_slope, max_value, threshold] = p;
  double kept = x <= (threshold > 0 || max_value == HUGE_VAL ? threshold : 0) ? 0 : x;
  if (kept >= max_value) kept = max_value;
  return kept + (negative_slope != 0 && x <= threshold ? negative_slope * (x - threshold) : 0);
}

double selu(double x, const P& /*p*/) {
  return 1.0507009873554804934193349852946 * (x > 0 ? x : 1.6732632423543772848170429916717 * std::expm1(x));
}

double gelu(double x, const P& p) {
  if (const bool approximate = p[0] != 0; !approximate) return 0.5 * x * std::erfc(-x * std::sqrt(0.5));
  const double near = clip(x, -30, 30);  // beyond it the tanh is 1 to the last bit
  return 0.5 * x * (1 + std::tanh(0.79788456080286535588 * (near + 0.044715 * near * near * near)));
}

double sparse_plus(double x, const P& /*p*/) {
  if (x >= 1) return x;
  const double y = clip(x, -1, 1) + 1;
  return 0.25 * y * y;
}

std::string list(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all.empty() ? "none" : all;
}

// All but those that are the engine's own; of relu, which is too, the form with parameters.
std::vector<Function> one_by_one() {
  return {
      {"relu", {"negative_slope", "max_value", "threshold"}, &relu},
      {"relu6", {}, [](double x, const P&) { return clip(x, 0, 6); }},
      {"leaky_relu", {"negative_slope"}, [](double x, const P& p) { return x > 0 ? x : p[0] * x; }},
      {"threshold", {"threshold", "default_value"}, [](double x, const P& p) { return x <= p[0] ? p[1] : x; }},
      {"elu", {"alpha"}, [](double x, const P& p) { return x > 0 ? x : p[0] * std::expm1(x); }},
      {"selu", {}, &selu},
      {"celu", {"alpha"}, [](double x, const P& p) { return x > 0 ? x : p[0] * std::expm1(x / p[0]); }},
      {"softplus", {}, [](double x, const P&) { return softplus(x); }},
      {"sparse_plus", {}, &sparse_plus},
      {"squareplus", {"b"}, [](double x, const P& p) { return 0.5 * x + 0.5 * std::hypot(x, std::sqrt(p[0])); }},
      {"silu", {}, [](double x, const P&) { return x * sigmoid(x); }},
      {"hard_silu", {}, [](double x, const P&) { return x * hard_sigmoid(x); }},
      {"mish", {}, [](double x, const P&) { return x * std::tanh(softplus(x)); }},
      {"gelu", {"approximate"}, &gelu},
      {"exponential", {}, [](double x, const P&) { return std::exp(x); }},
      {"hard_tanh", {}, [](double x, const P&) { return clip(x, -1, 1); }},
      {"log_sigmoid", {}, [](double x, const P&) { return -softplus(-x); }},
      {"sparse_sigmoid", {}, [](double x, const P&) { return clip(0.5 * (x + 1), 0, 1); }},
      {"hard_shrink", {"threshold"}, [](double x, const P& p) { return std::fabs(x) <= p[0] ? 0 : x; }},
      {"soft_shrink", {"threshold"}, [](double x, const P& p) { return x - clip(x, -p[0], p[0]); }},
      {"tanh_shrink", {}, [](double x, const P&) { return x - std::tanh(x); }},
  };
}

}  // namespace

const std::vector<Function>& functions() {
  static const std::vector<Function> all = [] {
    std::vector<Function> found = one_by_one();
    const auto known = [&found](const char* name) {
      return std::any_of(found.begin(), found.end(), [name](const Function& each) { return each.name == name; });
    };
    for (const char* name : kActivationNames) {
      if (!known(name)) found.push_back({name, {}, nullptr});
    }
    return found;
  }();
  return all;
}

const Function& function_named(const std::string& name) {
  std::vector<std::string> known;
  for (const Function& function : functions()) {
    if (name == function.name) return function;
    known.push_back(function.name);
  }
  throw std::invalid_argument("unknown activation \"" + name + "\"; known are " + list(known));
}

Parameters in_order(const Function& function, const NamedNumbers& given) {
  Parameters numbers{};
  std::vector<std::string> names;
  for (const auto& [name, number] : given) names.push_back(name);
  std::size_t found = 0;
  for (std::size_t i = 0; i < function.parameters.size(); ++i) {
    const auto at = std::find(names.begin(), names.end(), function.parameters[i]);
    if (at == names.end()) break;
    numbers[i] = given[static_cast<std::size_t>(at - names.begin())].second;
    ++found;
  }
  if (found != function.parameters.size() || found != given.size()) {
    throw std::invalid_argument("the parameters of the activation " + function.name + " are " +
                                list(function.parameters) + "; " + list(names) + " came");
  }
  return numbers;
}

}  // namespace gatewise::stream
