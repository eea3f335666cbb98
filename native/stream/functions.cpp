#include "stream/functions.h"

#include <cmath>
#include <utility>

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

// a: the slope below the threshold, b: the most, c: the threshold.
double relu(double x, const P& p) {
  double kept = x <= (p.c > 0 || p.b == HUGE_VAL ? p.c : 0) ? 0 : x;
  if (kept >= p.b) kept = p.b;
  return kept + (p.a != 0 && x <= p.c ? p.a * (x - p.c) : 0);
}

double elu(double x, const P& p) { return x > 0 ? x : p.a * std::expm1(x); }

double selu(double x, const P& /*p*/) {
  return 1.0507009873554804934193349852946 * (x > 0 ? x : 1.6732632423543772848170429916717 * std::expm1(x));
}

double celu(double x, const P& p) { return x > 0 ? x : p.a * std::expm1(x / p.a); }

double gelu(double x, const P& /*p*/) { return 0.5 * x * std::erfc(-x * std::sqrt(0.5)); }

double sparse_plus(double x, const P& /*p*/) {
  if (x >= 1) return x;
  const double y = clip(x, -1, 1) + 1;
  return 0.25 * y * y;
}

constexpr std::pair<const char*, Function> kFunctions[] = {
    {"relu", &relu},
    {"relu6", [](double x, const P&) { return clip(x, 0, 6); }},
    {"leaky_relu", [](double x, const P& p) { return x > 0 ? x : p.a * x; }},
    {"threshold", [](double x, const P& p) { return x <= p.a ? p.b : x; }},
    {"elu", &elu},
    {"selu", &selu},
    {"celu", &celu},
    {"softplus", [](double x, const P&) { return softplus(x); }},
    {"sparse_plus", &sparse_plus},
    {"squareplus", [](double x, const P& p) { return 0.5 * x + 0.5 * std::hypot(x, std::sqrt(p.a)); }},
    {"silu", [](double x, const P&) { return x * sigmoid(x); }},
    {"hard_silu", [](double x, const P&) { return x * hard_sigmoid(x); }},
    {"mish", [](double x, const P&) { return x * std::tanh(softplus(x)); }},
    {"gelu", &gelu},
    {"exponential", [](double x, const P&) { return std::exp(x); }},
    {"hard_tanh", [](double x, const P&) { return clip(x, -1, 1); }},
    {"log_sigmoid", [](double x, const P&) { return -softplus(-x); }},
    {"sparse_sigmoid", [](double x, const P&) { return clip(0.5 * (x + 1), 0, 1); }},
    {"hard_shrink", [](double x, const P& p) { return std::fabs(x) <= p.a ? 0 : x; }},
    {"soft_shrink", [](double x, const P& p) { return x - clip(x, -p.a, p.a); }},
    {"tanh_shrink", [](double x, const P&) { return x - std::tanh(x); }},
};

}  // namespace

Function function_named(const std::string& name) {
  for (const auto& [known, function] : kFunctions) {
    if (name == known) return function;
  }
  return nullptr;
}

}  // namespace gatewise::stream
