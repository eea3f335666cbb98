// The engine against a plain loop in double, without Python: for sanitizers and for machines that are emulated.
// Exits with 0 when every case agrees. Buffers have exactly the size they need, so that a sanitizer sees one step too
// far.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "cells/named.h"
#include "recurrence/backward.h"
#include "recurrence/gradients.h"
#include "recurrence/isa.h"
#include "recurrence/recurrence.h"
#include "threads/costs.h"
#include "threads/crowd.h"
#include "threads/interrupt.h"

namespace gatewise {
namespace {

using Values = std::vector<double>;

double activate(Activation kind, double x) {
  switch (kind) {
    case Activation::tanh:
      return std::tanh(x);
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::hard_sigmoid:
      return std::clamp(x + 3, 0.0, 6.0) / 6;
    case Activation::keras2_hard_sigmoid:
      return std::clamp(0.2 * x + 0.5, 0.0, 1.0);
    case Activation::relu:
      return std::max(x, 0.0);
    case Activation::softsign:
      return x / (1 + std::abs(x));
    case Activation::linear:
      break;
  }
  return x;
}

struct Case {
  Cell cell;
  Activation activation;
  Activation gate;
  Index batch, steps, inputs, units;
  bool masked, initial, go_backwards, sequences, zero_masked;
  bool dropped = false;  // with factors of inputs and states
  bool padded = false;   // a mask that says no more than lengths
  bool in_front = false;
};

template <class T>
struct Data {
  std::vector<T> x;
  std::vector<std::vector<T>> weights;  // in the order of the cell's facts
  std::vector<std::vector<T>> states;
  std::vector<std::uint8_t> mask;
  std::vector<T> input_factors;  // (B, gates, I)
  std::vector<T> factors;        // (B, gates, H)

  Data(const Case& k, std::mt19937& random)
      : weights(static_cast<std::size_t>(facts(k.cell).weights.size())),
        states(static_cast<std::size_t>(states_of(k.cell))) {
    for (int i = 0; i < facts(k.cell).weights.size(); ++i) {
      const double scale = i == kRecurrentKernelAt ? 0.5 / std::sqrt(static_cast<double>(k.units)) : 0.5;
      fill(weights[static_cast<std::size_t>(i)], numbers_of(k.cell, i, {k.inputs, k.units}), scale, random);
    }
    fill(x, k.batch * k.steps * k.inputs, 1, random);
    for (std::vector<T>& state : states) fill(state, k.batch * k.units, 1, random);
    if (std::string(facts(k.cell).name) == "slstm") {  // A normaliser is a sum of exponentials.
      for (T& n : states[2]) n = std::abs(n) + T(0.5);
    }
    if (std::string(facts(k.cell).name) == "clipped_lstm") {  // A bound is positive.
      for (T& bound : weights.back()) bound = std::abs(bound) + T(0.1);
    }
    for (Index i = 0; i < k.batch * k.steps; ++i) mask.push_back(random() % 4 != 0 ? 1 : 0);
    if (k.padded) pad(k, random);
    if (!k.dropped) return;
    fill(input_factors, k.batch * gates_of(k.cell) * k.inputs, 2, random);
    fill(factors, k.batch * gates_of(k.cell) * k.units, 2, random);
  }

  // Some sequences of the full length, some of none, and others.
  void pad(const Case& k, std::mt19937& random) {
    for (Index row = 0; row < k.batch; ++row) {
      const auto any = static_cast<Index>(random() % static_cast<std::size_t>(k.steps + 1));
      const Index length = random() % 4 == 0 ? k.steps * static_cast<Index>(random() % 2) : any;
      for (Index t = 0; t < k.steps; ++t) {
        const Index place = k.in_front ? k.steps - 1 - t : t;
        mask[static_cast<std::size_t>(row * k.steps + place)] = t < length ? 1 : 0;
      }
    }
  }

  Weights<T> pointers() const {
    Weights<T> all;
    for (std::size_t i = 0; i < weights.size(); ++i) all.at[i] = weights[i].data();
    return all;
  }

  static void fill(std::vector<T>& to, Index size, double scale, std::mt19937& random) {
    std::uniform_real_distribution<double> uniform(-scale, scale);
    to.reserve(static_cast<std::size_t>(size));
    for (Index i = 0; i < size; ++i) to.push_back(static_cast<T>(uniform(random)));
  }
};

template <class T>
double at(const std::vector<T>& values, Index i) {
  return static_cast<double>(values[static_cast<std::size_t>(i)]);
}

double& at(Values& values, Index i) { return values[static_cast<std::size_t>(i)]; }

// The sums of one row: input's share and state's share of every gate.
template <class T>
struct Sums {
  const Case& k;
  const Data<T>& data;

  double input(Index row, Index t, Index column) const {
    const Index columns = gates_of(k.cell) * k.units;
    double sum = weight(kBiasAt, column);
    for (Index i = 0; i < k.inputs; ++i) {
      const double x = at(data.x, (row * k.steps + t) * k.inputs + i);
      sum += x * factor(data.input_factors, row, column, i, k.inputs) * weight(kKernelAt, i * columns + column);
    }
    return sum;
  }

  double state(const Values& h, Index row, Index column) const {
    const Index columns = gates_of(k.cell) * k.units;
    const bool own_bias = facts(k.cell).weights[kBiasAt].rows_of_gates() == 2;
    double sum = own_bias ? weight(kBiasAt, columns + column) : 0;
    for (Index i = 0; i < facts(k.cell).state_rows(k.units); ++i) {
      const double source =
          h[static_cast<std::size_t>(row * k.units + i)] * factor(data.factors, row, column, i, k.units);
      sum += source * weight(kRecurrentKernelAt, i * columns + column);
    }
    return sum;
  }

  double factor(const std::vector<T>& factors, Index row, Index column, Index i, Index count) const {
    return k.dropped ? at(factors, (row * gates_of(k.cell) + column / k.units) * count + i) : 1;
  }

  double weight(int which, Index i) const { return at(data.weights[static_cast<std::size_t>(which)], i); }
};

// The equation of each cell for one row, `now` to `next`, as its paper has it.
template <class T>
void plain_step(const Case& k, const Sums<T>& sums, Index row, Index t, const std::vector<Values>& now,
                std::vector<Values>& next) {
  const std::string name = facts(k.cell).name;
  const Index n = k.units;
  const Values& h = now[0];
  const auto act = [&](double x) { return activate(k.activation, x); };
  const auto gate = [&](double x) { return activate(k.gate, x); };
  const auto both = [&](Index u, Index g) { return sums.input(row, t, g * n + u) + sums.state(h, row, g * n + u); };
  Values reset = h;
  if (name == "gru") {
    for (Index u = 0; u < n; ++u) at(reset, row * n + u) *= gate(both(u, 1));
  }
  for (Index u = 0; u < n; ++u) {
    const Index i = row * n + u;
    if (name == "simple") {
      at(next[0], i) = act(both(u, 0));
    } else if (name == "lstm") {
      at(next[1], i) = gate(both(u, 1)) * at(now[1], i) + gate(both(u, 0)) * act(both(u, 2));
      at(next[0], i) = gate(both(u, 3)) * act(at(next[1], i));
    } else if (name == "peephole_lstm") {
      const auto own = [&](Index which) { return sums.weight(kBiasAt + 1, which * n + u); };
      const double c = at(now[1], i);
      at(next[1], i) = gate(both(u, 1) + own(1) * c) * c + gate(both(u, 0) + own(0) * c) * act(both(u, 2));
      at(next[0], i) = gate(both(u, 3) + own(2) * at(next[1], i)) * act(at(next[1], i));
    } else if (name == "gru" || name == "gru_reset_after") {
      const double z = gate(both(u, 0));
      const double x = sums.input(row, t, 2 * n + u);
      const double candidate = name == "gru" ? act(x + sums.state(reset, row, 2 * n + u))
                                             : act(x + gate(both(u, 1)) * sums.state(h, row, 2 * n + u));
      at(next[0], i) = z * at(h, i) + (1 - z) * candidate;
    } else if (name == "coupled_lstm") {
      const double f = gate(both(u, 0));
      at(next[1], i) = f * at(now[1], i) + (1 - f) * act(both(u, 1));
      at(next[0], i) = gate(both(u, 2)) * act(at(next[1], i));
    } else if (name == "clipped_lstm") {
      const double bound = sums.weight(kBiasAt + 1, u);
      const double c = gate(both(u, 1)) * at(now[1], i) + gate(both(u, 0)) * act(both(u, 2));
      at(next[1], i) = std::min(std::max(c, -bound), bound);
      at(next[0], i) = gate(both(u, 3)) * act(at(next[1], i));
    } else if (name == "zoneout_lstm") {
      const double of_h = sums.weight(kBiasAt + 1, u);
      const double of_c = sums.weight(kBiasAt + 2, u);
      const double c = gate(both(u, 1)) * at(now[1], i) + gate(both(u, 0)) * act(both(u, 2));
      at(next[1], i) = of_c * at(now[1], i) + (1 - of_c) * c;
      at(next[0], i) = of_h * at(h, i) + (1 - of_h) * gate(both(u, 3)) * act(c);
    } else if (name == "slstm") {
      const double n_before = at(now[2], i);
      const double input = both(u, 0);
      const double kept = -std::log1p(std::exp(-both(u, 1))) + at(now[3], i);
      const double top = n_before == 0 ? input : std::max(kept, input);
      const double stays = n_before == 0 ? 1 : std::exp(kept - top);
      at(next[1], i) = stays * at(now[1], i) + std::exp(input - top) * act(both(u, 2));
      at(next[2], i) = stays * n_before + std::exp(input - top);
      at(next[3], i) = top;
      at(next[0], i) = gate(both(u, 3)) * at(next[1], i) / at(next[2], i);
    } else if (name == "indrnn") {
      at(next[0], i) = act(both(u, 0) + sums.weight(kBiasAt + 1, u) * at(h, i));
    } else if (name == "min_gru") {
      const double z = gate(both(u, 0));
      at(next[0], i) = (1 - z) * at(h, i) + z * act(both(u, 1));
    } else if (name == "min_lstm") {
      const double input = gate(both(u, 0));
      const double f = gate(both(u, 1));
      at(next[0], i) = (f * at(h, i) + input * act(both(u, 2))) / (f + input);
    } else if (name == "rg_lru") {
      const double a = std::pow(1 / (1 + std::exp(-sums.weight(kBiasAt + 1, u))), 8 * gate(both(u, 0)));
      at(next[0], i) = a * at(h, i) + std::sqrt(1 - a * a) * gate(both(u, 1)) * act(both(u, 2));
    } else {
      std::printf("no plain equation for the cell %s\n", name.c_str());
      std::exit(1);
    }
  }
}

struct Result {
  Values y;
  std::vector<Values> states;
};

template <class T>
Result plain(const Case& k, const Data<T>& data) {
  const Index size = k.batch * k.units;
  Result r;
  for (const std::vector<T>& state : data.states) {
    r.states.emplace_back(static_cast<std::size_t>(size), 0);
    if (k.initial) r.states.back().assign(state.begin(), state.end());
  }
  Values output(static_cast<std::size_t>(size), 0);
  r.y.assign(static_cast<std::size_t>(k.sequences ? size * k.steps : size), 0);
  const Sums<T> sums{k, data};
  for (Index s = 0; s < k.steps; ++s) {
    const Index t = k.go_backwards ? k.steps - 1 - s : s;
    std::vector<Values> next = r.states;
    for (Index row = 0; row < k.batch; ++row) {
      const bool skip = k.masked && data.mask[static_cast<std::size_t>(row * k.steps + t)] == 0;
      if (!skip) plain_step(k, sums, row, t, r.states, next);
      for (Index u = 0; u < k.units; ++u) {
        const Index i = row * k.units + u;
        if (!skip) at(output, i) = at(next[0], i);
        if (skip && k.zero_masked) at(output, i) = 0;
        if (k.sequences) at(r.y, (row * k.steps + s) * k.units + u) = at(output, i);
      }
    }
    r.states = next;
  }
  if (!k.sequences) r.y = k.steps == 0 ? r.states[0] : output;
  return r;
}

template <class T>
struct Output {
  std::vector<T> y;
  std::vector<std::vector<T>> states;

  bool operator==(const Output& other) const {
    const auto same = [](const std::vector<T>& a, const std::vector<T>& b) {
      return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
    };
    return same(y, other.y) && std::equal(states.begin(), states.end(), other.states.begin(), other.states.end(), same);
  }
};

// A call, and where its results go.
template <class T>
Sequence<T> call_of(const Case& k, const Data<T>& data, Output<T>& out) {
  const auto size = static_cast<std::size_t>(k.batch * k.units);
  out = {std::vector<T>(k.sequences ? size * static_cast<std::size_t>(k.steps) : size),
         std::vector<std::vector<T>>(data.states.size(), std::vector<T>(size))};
  Sequence<T> call;
  call.batch = k.batch;
  call.steps = k.steps;
  call.x = data.x.data();
  call.x_batch = k.steps * k.inputs;
  call.x_time = k.inputs;
  if (k.masked) call.mask = data.mask.data();
  call.mask_batch = k.steps;
  call.mask_time = 1;
  for (std::size_t i = 0; i < data.states.size(); ++i) {
    if (k.initial) call.initial[i] = data.states[i].data();
    call.initial_batch[i] = k.units;
    call.initial_unit[i] = 1;
    call.last[i] = out.states[i].data();
  }
  call.y = out.y.data();
  if (k.dropped) {
    call.input_factors = data.input_factors.data();
    call.factors = data.factors.data();
  }
  call.go_backwards = k.go_backwards;
  call.sequences = k.sequences;
  call.zero_masked = k.zero_masked;
  return call;
}

template <class T>
Output<T> run(const Case& k, const Data<T>& data, const Recurrence<T>& layer, T* reserve = nullptr,
              bool fills = false) {
  Output<T> out;
  Sequence<T> call = call_of(k, data, out);
  call.reserve = reserve;
  call.fills = fills;
  layer.forward(call);
  return out;
}

// NaN is near NaN only, an infinity near itself.
template <class T>
bool close(const std::vector<T>& got, const Values& wanted, double tolerance) {
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto found = static_cast<double>(got[i]);
    const bool same = found == wanted[i] || (std::isnan(found) && std::isnan(wanted[i]));
    if (!same && !(std::abs(found - wanted[i]) <= tolerance)) return false;
  }
  return true;
}

template <class T>
bool close(const Output<T>& got, const Result& wanted, double tolerance) {
  bool right = close(got.y, wanted.y, tolerance);
  for (std::size_t i = 0; i < got.states.size(); ++i) {
    right = right && close(got.states[i], wanted.states[i], tolerance);
  }
  return right;
}

// While one lives, members have no patience with one another: teams shrink and grow again in the middle of calls.
struct Impatience {
  Impatience() { crowd::set_limits({}, {}); }
  ~Impatience() { crowd::set_limits(costs::kPatience, costs::kLongestPause); }
  Impatience(const Impatience&) = delete;
  Impatience& operator=(const Impatience&) = delete;
};

// One case: right, and the same bits for any number of threads. Returns the number of failures.
template <class T>
int check(const Case& k, std::mt19937& random) {
  if (!has_type<T>(facts(k.cell))) return 0;
  const Data<T> data(k, random);
  const Recurrence<T> layer(k.cell, {k.inputs, k.units}, data.pointers(), k.activation, k.gate,
                            {false, k.dropped, k.dropped});
  set_threads(1);
  const Output<T> one = run(k, data, layer);
  const Result wanted = plain(k, data);
  const double tolerance = 200 * static_cast<double>(std::numeric_limits<T>::epsilon()) * (1 + std::sqrt(k.steps));
  int failures = 0;
  if (!close(one, wanted, tolerance)) {
    std::printf("wrong: %s cell %s float%d B %td T %td I %td H %td\n", current_kernels().name, facts(k.cell).name,
                static_cast<int>(8 * sizeof(T)), k.batch, k.steps, k.inputs, k.units);
    ++failures;
  }
  const Impatience impatience;
  for (const Index count : {2, 3}) {
    set_threads(count);
    if (!(run(k, data, layer) == one)) {
      std::printf("%td threads differ: cell %s B %td T %td I %td H %td\n", count, facts(k.cell).name, k.batch, k.steps,
                  k.inputs, k.units);
      ++failures;
    }
  }
  return failures;
}

// The way back, for a scalar that is the sum of all outputs and final states, each times a factor.
template <class T>
struct WayBack {
  const Case& k;
  const Data<T>& data;
  std::vector<T> dy;
  std::vector<std::vector<T>> d_last;

  WayBack(const Case& k_, const Data<T>& data_, std::mt19937& random)
      : k(k_), data(data_), d_last(data_.states.size()) {
    Data<T>::fill(dy, k.batch * k.units * (k.sequences ? k.steps : 1), 1, random);
    for (std::vector<T>& d : d_last) Data<T>::fill(d, k.batch * k.units, 1, random);
  }

  double scalar() const {
    const Result result = plain(k, data);
    double sum = 0;
    for (std::size_t i = 0; i < dy.size(); ++i) sum += result.y[i] * static_cast<double>(dy[i]);
    for (std::size_t s = 0; s < d_last.size(); ++s) {
      for (std::size_t i = 0; i < d_last[s].size(); ++i) sum += result.states[s][i] * static_cast<double>(d_last[s][i]);
    }
    return sum;
  }

  // What the engine gives gradients of: the first states, the weights but for the peepholes, and the inputs. (Where
  // factors are given, the states alone: the products are left to whoever made the factors.)
  static std::vector<std::vector<T>*> arrays_of(Data<T>& data) {
    std::vector<std::vector<T>*> arrays;
    for (std::vector<T>& state : data.states) arrays.push_back(&state);
    for (int i = 0; i <= kBiasAt; ++i) arrays.push_back(&data.weights[static_cast<std::size_t>(i)]);
    arrays.push_back(&data.x);
    return arrays;
  }

  // The gradients of the sums, and after them those of `arrays_of`. Without `fills` those of padding's sums are NaN.
  std::vector<std::vector<T>> run_on(Index count, int* failures, bool fills = true) const {
    set_threads(count);
    const Weights<T> weights = data.pointers();
    const auto numbers = [&](Index of_unit) { return static_cast<std::size_t>(k.batch * of_unit); };
    const Index fields = facts(k.cell).sums() + states_of(k.cell);
    std::vector<T> reserve(numbers(k.steps * fields * reserve_units<T>(k.units)), std::numeric_limits<T>::quiet_NaN());
    const Sizes sizes{k.inputs, k.units};
    const Recurrence<T> keeping(k.cell, sizes, weights, k.activation, k.gate, {false, true, k.dropped});
    const Recurrence<T> layer(k.cell, sizes, weights, k.activation, k.gate, {false, true, k.dropped});
    if (!(run(k, data, keeping, reserve.data(), fills) == run(k, data, layer))) {
      std::printf("a reserve changes the output: cell %s\n", facts(k.cell).name);
      ++*failures;
    }
    for (std::size_t i = 0; fills && i < reserve.size(); ++i) {
      const bool is_unit = static_cast<Index>(i) % reserve_units<T>(k.units) < k.units;
      if (!is_unit || !std::isnan(reserve[i])) continue;
      std::printf("a reserve has a hole: cell %s\n", facts(k.cell).name);
      ++*failures;
      break;
    }
    std::vector<std::vector<T>> gradients{
        std::vector<T>(numbers(k.steps * facts(k.cell).sums() * k.units), std::numeric_limits<T>::quiet_NaN())};
    Backward<T> call;
    call.batch = k.batch;
    call.steps = k.steps;
    call.reserve = reserve.data();
    if (k.masked) call.mask = data.mask.data();
    call.dy = dy.data();
    gradients.resize(1 + data.states.size(), std::vector<T>(numbers(k.units)));
    for (std::size_t i = 0; i < data.states.size(); ++i) {
      if (k.initial) call.initial[i] = data.states[i].data();
      call.d_last[i] = d_last[i].data();
      call.d_initial[i] = gradients[1 + i].data();
    }
    if (k.dropped) call.factors = data.factors.data();
    call.dz = gradients[0].data();
    call.go_backwards = k.go_backwards;
    call.sequences = k.sequences;
    call.zero_masked = k.zero_masked;
    call.fills = fills;
    Backwards<T>(k.cell, k.units, weights, k.activation, k.gate).run(call);
    if (!k.dropped) add_products(reserve, gradients);
    return gradients;
  }

  void add_products(const std::vector<T>& reserve, std::vector<std::vector<T>>& gradients) const {
    const Sizes sizes{k.inputs, k.units};
    WeightGradients<T> of_weights{k.cell, sizes, k.batch, k.steps, data.x.data(), reserve.data()};
    if (k.initial) of_weights.initial = data.states[0].data();
    of_weights.go_backwards = k.go_backwards;
    of_weights.mask = k.masked ? data.mask.data() : nullptr;
    const std::size_t first = gradients.size();
    for (int i = 0; i <= kBiasAt; ++i) gradients.emplace_back(numbers_of(k.cell, i, sizes));
    of_weights.dz = gradients[0].data();
    of_weights.kernel = gradients[first].data();
    of_weights.recurrent_kernel = gradients[first + 1].data();
    of_weights.bias = gradients[first + 2].data();
    gatewise::run(of_weights);
    gradients.emplace_back(data.x.size());
    gatewise::run(InputGradient<T>{k.cell, sizes, k.batch, k.steps, gradients[0].data(), data.weights[kKernelAt].data(),
                                   k.go_backwards, of_weights.mask, gradients.back().data()});
  }
};

bool is_smooth(Activation kind) {
  return kind == Activation::tanh || kind == Activation::sigmoid || kind == Activation::linear;
}

// The gradients are those of central differences, and of all the same bits on any number of threads.
template <class T>
int check_backward(const Case& k, std::mt19937& random) {
  if (k.batch == 0 || k.steps == 0 || !facts(k.cell).goes_back || !has_type<T>(facts(k.cell))) return 0;
  int failures = 0;
  Data<T> data(k, random);
  const WayBack<T> back(k, data, random);
  const std::vector<std::vector<T>> one = back.run_on(1, &failures);
  {
    const Impatience impatience;
    for (const Index count : {2, 3}) {
      if (back.run_on(count, &failures) == one) continue;
      std::printf("backward: %td threads differ: cell %s B %td T %td H %td\n", count, facts(k.cell).name, k.batch,
                  k.steps, k.units);
      ++failures;
    }
  }
  if (!k.dropped) {
    std::vector<std::vector<T>> lean = back.run_on(1, &failures, false);
    lean[0] = one[0];
    if (!(lean == one)) {
      std::printf("backward: padding is read: cell %s B %td T %td H %td\n", facts(k.cell).name, k.batch, k.steps,
                  k.units);
      ++failures;
    }
  }
  if (sizeof(T) != sizeof(double) || !k.initial || !is_smooth(k.activation) || !is_smooth(k.gate)) return failures;
  constexpr double step = 1e-6;
  const std::vector<std::vector<T>*> arrays = WayBack<T>::arrays_of(data);
  for (std::size_t s = 0; s + 1 < one.size(); ++s) {
    std::vector<T>& array = *arrays[s];
    const std::vector<T> along = array;  // any direction will do
    double given = 0;
    for (std::size_t i = 0; i < along.size(); ++i) given += static_cast<double>(one[1 + s][i] * along[i]);
    double sides[2];
    for (int side = 0; side < 2; ++side) {
      for (std::size_t i = 0; i < along.size(); ++i) {
        array[i] = along[i] + static_cast<T>(side == 0 ? step : -step) * along[i];
      }
      sides[side] = back.scalar();
    }
    array = along;
    const double wanted = (sides[0] - sides[1]) / (2 * step);
    if (std::abs(given - wanted) <= 1e-5 * (1 + std::abs(wanted))) continue;
    std::printf("backward: %s cell %s array %zu B %td T %td H %td: %g, wanted %g\n", current_kernels().name,
                facts(k.cell).name, s, k.batch, k.steps, k.units, given, wanted);
    ++failures;
  }
  return failures;
}

// bfloat16 weights: near the float result, and the same bits for any number of threads.
int check_bfloat16(const Case& k, std::mt19937& random) {
  if (k.dropped) return 0;
  const Data<float> data(k, random);
  const Weights<float> weights = data.pointers();
  const Recurrence<float> exact(k.cell, {k.inputs, k.units}, weights, k.activation, k.gate);
  const Recurrence<float> layer(k.cell, {k.inputs, k.units}, weights, k.activation, k.gate, {true, false});
  set_threads(1);
  const Output<float> one = run(k, data, layer);
  const Output<float> wanted = run(k, data, exact);
  const Values y(wanted.y.begin(), wanted.y.end());
  set_threads(3);
  const bool same = run(k, data, layer) == one;
  if (close(one.y, y, 0.1) && same) return 0;
  std::printf("bfloat16 %s: cell %s B %td T %td I %td H %td\n", same ? "far off" : "threads differ", facts(k.cell).name,
              k.batch, k.steps, k.inputs, k.units);
  return 1;
}

Case random_case(std::mt19937& random) {
  const auto below = [&](std::size_t n) { return static_cast<Index>(random() % n); };
  const auto coin = [&] { return random() % 2 == 0; };
  Case k{};
  k.cell = static_cast<Cell>(below(Cells::kCount));
  const bool usual = coin();
  k.activation = usual ? Activation::tanh : static_cast<Activation>(below(std::size(kActivationNames)));
  k.gate = usual ? Activation::sigmoid : static_cast<Activation>(1 + below(3));
  if (std::string(facts(k.cell).name) == "min_lstm") k.gate = Activation::sigmoid;  // Others may both be 0.
  k.batch = below(4) == 0 ? below(40) : below(8);
  k.steps = below(12);
  k.inputs = below(20);
  k.units = 1 + (below(4) == 0 ? below(150) : below(40));
  if (below(4) == 0) {  // few, with many inputs: these are multiplied ahead
    k.batch = 1 + below(5);
    k.inputs = 24 + below(40);
  }
  if (below(4) == 0) {  // many and large: for tiles, where there are any
    k.batch = 28 + below(40);
    k.steps = below(5);
    k.inputs = 60 + below(80);
    k.units = 64 + below(80);
  }
  k.masked = coin();
  k.initial = coin();
  k.go_backwards = coin();
  k.sequences = coin();
  k.zero_masked = coin();
  k.dropped = below(4) == 0;
  k.padded = coin();
  k.in_front = coin();
  return k;
}

// Two calls at once, of unlike sizes: the bits of each alone.
template <class T>
int check_both(const Case& k, std::mt19937& random) {
  Case other = random_case(random);
  other.batch = std::max<Index>(other.batch, 1);
  if (!has_type<T>(facts(k.cell)) || !has_type<T>(facts(other.cell))) return 0;
  const Case cases[] = {k, other};
  const Data<T> data[] = {Data<T>(k, random), Data<T>(other, random)};
  std::vector<Recurrence<T>> layers;
  for (int i = 0; i < 2; ++i) {
    layers.emplace_back(cases[i].cell, Sizes{cases[i].inputs, cases[i].units}, data[i].pointers(), cases[i].activation,
                        cases[i].gate, RecurrenceOptions{false, cases[i].dropped, cases[i].dropped});
  }
  set_threads(1);
  const Output<T> alone[] = {run(k, data[0], layers[0]), run(other, data[1], layers[1])};
  int failures = 0;
  const Impatience impatience;
  for (const Index count : {1, 2, 5}) {
    set_threads(count);
    Output<T> out[2];
    Recurrence<T>::forward_both(layers[0], call_of(k, data[0], out[0]), layers[1], call_of(other, data[1], out[1]));
    if (out[0] == alone[0] && out[1] == alone[1]) continue;
    std::printf("both on %td threads differ: cells %s and %s\n", count, facts(k.cell).name, facts(other.cell).name);
    ++failures;
  }
  return failures;
}

// What a caller sets of its floating point unit: whether denormals are zeros, how sums are rounded.
std::uint64_t modes() {
#if defined(__x86_64__)
  return _mm_getcsr() & 0xffc0U;  // without the flags of what happened
#elif defined(__aarch64__)
  std::uint64_t value = 0;
  asm volatile("mrs %0, fpcr" : "=r"(value));
  return value;
#else
  return 0;
#endif
}

void set_modes(std::uint64_t value) {
#if defined(__x86_64__)
  _mm_setcsr(static_cast<unsigned>(value));
#elif defined(__aarch64__)
  asm volatile("msr fpcr, %0" : : "r"(value));
#else
  static_cast<void>(value);
#endif
}

// Denormals are zeros.
#if defined(__aarch64__)
constexpr std::uint64_t kFlush = 1U << 24;
#else
constexpr std::uint64_t kFlush = 0x8040;
#endif

template <class T>
int check_edge(const Case& k, const Data<T>& data, double tolerance, const char* what) {
  const Recurrence<T> layer(k.cell, {k.inputs, k.units}, data.pointers(), k.activation, k.gate);
  int failures = 0;
  for (const Index count : {1, 2}) {
    set_threads(count);
    const std::uint64_t before = modes();
    const bool right = close(run(k, data, layer), plain(k, data), tolerance);
    set_modes(before | kFlush);
    run(k, data, layer);
    const bool kept = modes() == (before | kFlush);
    set_modes(before);
    if (right && kept) continue;
    std::printf("%s %s: %s cell %s float%d\n", what, right ? "changed the caller's modes" : "wrong",
                current_kernels().name, facts(k.cell).name, static_cast<int>(8 * sizeof(T)));
    ++failures;
  }
  return failures;
}

// Denormal inputs and states keep their value, NaN and infinities go where the loop sends them, and the caller's
// floating point modes stay as they are. Rounding a denormal costs half of the least one, and a sum has I + H terms and
// some ten more operations; AMX takes a denormal for zero, which costs each term less than the least normal number.
template <class T>
int check_edges(std::mt19937& random) {
  using Limits = std::numeric_limits<T>;
  const bool tiles = std::strcmp(current_kernels().name, "amx") == 0 && sizeof(T) == sizeof(float);
  int failures = 0;
  for (int place = 0; place < Cells::kCount; ++place) {
    if (!has_type<T>(facts(Cell(place)))) continue;
    const Case k{Cell(place), Activation::tanh, Activation::sigmoid, 30, 4, 60, 70, false, true, false, true, false};
    const double steps = static_cast<double>(k.steps);
    const double terms = steps * static_cast<double>(k.inputs + k.units + 20);
    const Data<T> ordinary(k, random);
    Data<T> small = ordinary;
    const auto shrink = [](std::vector<T>& numbers) {
      for (T& number : numbers) number *= Limits::min() / 8;
    };
    std::fill(small.weights[kBiasAt].begin(), small.weights[kBiasAt].end(), T(0));
    shrink(small.x);
    for (std::vector<T>& state : small.states) shrink(state);
    const double least = static_cast<double>(tiles ? Limits::min() : Limits::denorm_min());
    failures += check_edge(k, small, terms * least, "denormals");
    const double rounding = 200 * static_cast<double>(Limits::epsilon()) * (1 + std::sqrt(steps));
    for (const T special : {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()}) {
      Data<T> odd = ordinary;
      odd.x[static_cast<std::size_t>((3 * k.steps + 2) * k.inputs + 1)] = special;
      odd.states.front()[static_cast<std::size_t>(7 * k.units + 2)] = special;
      odd.states.back()[static_cast<std::size_t>(9 * k.units + 5)] = special;
      failures += check_edge(k, odd, rounding, "NaN or infinity");
    }
  }
  return failures;
}

// A call long enough for teams to change, and to be interrupted. What is left of one that was does not count.
int check_long_call(Index batch, std::mt19937& random) {
  const Case k{
      cell_named("gru"), Activation::tanh, Activation::sigmoid, batch, 3000, 8, 70, true, true, false, true, false};
  const Data<float> data(k, random);
  const Recurrence<float> layer(k.cell, {k.inputs, k.units}, data.pointers(), k.activation, k.gate);
  set_threads(1);
  const Output<float> one = run(k, data, layer);
  int failures = 0;
  for (const Index count : {1, 2, 3}) {
    set_threads(count);
    const Impatience impatience;
    if (!(run(k, data, layer) == one)) failures += 1;
    set_question([] { return true; });
    bool stopped = false;
    try {
      const Interruptible scope;
      for (int i = 0; i < 1000; ++i) run(k, data, layer);
    } catch (const Interrupted&) {
      stopped = true;
    }
    set_question(nullptr);
    if (!stopped || !(run(k, data, layer) == one)) failures += 1;
  }
  if (failures != 0) std::printf("long calls of %td sequences: %d failures\n", batch, failures);
  return failures;
}

// A member that stays away for a while: all leave, and at the same barrier.
int check_leaving() {
  constexpr Index members = 3;
  constexpr int turns = 1000;
  struct Turns {
    Team& team;
    int left[members] = {};

    static void run(void* self, Index member) {
      auto& job = *static_cast<Turns*>(self);
      int turn = 0;
      while (turn < turns && job.team.barrier(member)) {
        if (++turn == 10 && member == 1) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
      job.left[member] = turn;
    }
  };
  for (int attempt = 0; attempt < 20; ++attempt) {
    crowd::set_limits(costs::kPatience, {});
    Team team(members);
    Turns job{team};
    team.run(members, &Turns::run, &job);
    if (job.left[0] != job.left[1] || job.left[0] != job.left[2]) break;
    if (job.left[0] == turns) continue;  // The others had no processor meanwhile, so nobody has waited.
    crowd::set_limits(costs::kPatience, costs::kLongestPause);
    return 0;
  }
  std::printf("a team does not leave together\n");
  return 1;
}

// Several threads call one layer at once, which nobody called before.
int check_concurrency(Index batch, std::mt19937& random) {
  const Case k{
      cell_named("lstm"), Activation::tanh, Activation::sigmoid, batch, 20, 8, 130, false, true, false, true, false};
  const Data<float> data(k, random);
  const Weights<float> weights = data.pointers();
  const Recurrence<float> first(k.cell, {k.inputs, k.units}, weights, k.activation, k.gate);
  const Recurrence<float> layer(k.cell, {k.inputs, k.units}, weights, k.activation, k.gate);
  set_threads(2);
  const Output<float> wanted = run(k, data, first);
  std::vector<int> wrong(8, 0);
  std::vector<std::thread> callers;
  for (int& mine : wrong) {
    callers.emplace_back([&] {
      for (int i = 0; i < 5; ++i) mine += run(k, data, layer) == wanted ? 0 : 1;
    });
  }
  for (std::thread& caller : callers) caller.join();
  const int failures = static_cast<int>(std::count_if(wrong.begin(), wrong.end(), [](int w) { return w != 0; }));
  if (failures != 0) std::printf("concurrent calls differ\n");
  return failures;
}

}  // namespace
}  // namespace gatewise

int main(int count, char** arguments) {
  const int cases = count > 1 ? std::atoi(arguments[1]) : 150;
  int failures = gatewise::check_leaving();
  for (const gatewise::Kernels* kernels : gatewise::available_kernels()) {
    gatewise::set_isa(kernels->name);
    std::mt19937 random(1);
    for (int i = 0; i < cases; ++i) {
      const gatewise::Case k = gatewise::random_case(random);
      failures += gatewise::check<float>(k, random) + gatewise::check<double>(k, random);
      if (i % 4 == 0) failures += gatewise::check_bfloat16(k, random);
      if (i % 3 == 0) failures += gatewise::check_both<float>(k, random) + gatewise::check_both<double>(k, random);
      if (i % 2 == 0)
        failures += gatewise::check_backward<float>(k, random) + gatewise::check_backward<double>(k, random);
    }
    failures += gatewise::check_edges<float>(random) + gatewise::check_edges<double>(random);
    failures += gatewise::check_concurrency(3, random) + gatewise::check_concurrency(30, random);
    failures += gatewise::check_long_call(2, random) + gatewise::check_long_call(9, random);
    std::printf("%s: %d cases\n", kernels->name, 2 * cases);
  }
  std::printf(failures == 0 ? "all agree\n" : "%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
