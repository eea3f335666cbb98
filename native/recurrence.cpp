#include "recurrence.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "isa.h"
#include "packing.h"

namespace gatewise {

namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kHugePage = 2U << 20;

std::size_t rounded(std::size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

// Bytes of cache that a core has to itself.
double private_cache() {
  static const double bytes = [] {
#if defined(_SC_LEVEL2_CACHE_SIZE)
    const long found = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (found > 0) return static_cast<double>(found);
#endif
    return 1048576.0;
  }();
  return bytes;
}

// The gates that each phase of a cell multiplies: first gate and count.
struct PhaseShape {
  Index first_gate;
  int gates;
  int sums;
};

std::vector<PhaseShape> phases_of(Cell cell) {
  switch (cell) {
    case Cell::lstm:
      return {{0, 4, 4}};
    case Cell::gru:
      return {{0, 2, 2}, {2, 1, 1}};
    case Cell::gru_reset_after:
      return {{0, 3, 4}};
    case Cell::simple:
      break;
  }
  return {{0, 1, 1}};
}

// The bias in one row a sum. For gru_reset_after both biases of z and r are added; those of h stay apart.
template <class T>
std::vector<T> bias_rows(Cell cell, const T* bias, Index units) {
  const Index gates = gates_of(cell);
  const Index sums = cell == Cell::gru_reset_after ? gates + 1 : gates;
  std::vector<T> rows(static_cast<std::size_t>(sums * units), T(0));
  if (bias == nullptr) return rows;
  std::copy(bias, bias + gates * units, rows.begin());
  if (cell == Cell::gru_reset_after) {
    const T* recurrent = bias + gates * units;
    for (Index i = 0; i < 2 * units; ++i) rows[static_cast<std::size_t>(i)] += recurrent[i];
    std::copy(recurrent + 2 * units, recurrent + 3 * units, rows.begin() + 3 * units);
  }
  return rows;
}

template <class T>
Plan make_plan(const Layer<T>& layer, const Sequence<T>& call, Index threads) {
  Plan plan;
  const double gates = gates_of(layer.cell);
  const double recurrent = static_cast<double>(layer.padded() * layer.units) * gates * sizeof(T);
  const double input = static_cast<double>(layer.padded() * layer.inputs) * gates * sizeof(T);
  const double batch = static_cast<double>(call.batch);
  const double work = (recurrent + input) / 4 * batch;  // multiply-adds of a step, more or less

  plan.ahead = call.batch < 6 && call.steps > 1;
  if (threads > 1 && work * static_cast<double>(call.steps) > 4e5) {
    const bool fits = recurrent + input <= 0.75 * private_cache();
    if (call.batch >= (fits ? 8 : 64) * threads) {
      plan.threads = threads;
    } else if (work > 3e4) {
      plan.threads = std::min<Index>(threads, layer.panels);
      plan.split_units = plan.threads > 1;
    }
  }
  plan.far = static_cast<double>(layer.padded()) * batch * sizeof(T) > 16384;
  if (plan.ahead) {
    const double row = static_cast<double>(layer.padded()) * gates * sizeof(T) * batch;
    const auto fitting = static_cast<Index>(private_cache() / 4 / std::max(row, 1.0));
    plan.chunk = std::clamp<Index>(fitting, 12, 256);
    plan.chunk = std::min(plan.chunk, call.steps);
  } else {
    plan.chunk = std::max<Index>(call.steps, 1);
  }
  return plan;
}

// The working memory of one call, out of one buffer.
template <class T>
Workspace<T> make_workspace(Buffer& buffer, const Layer<T>& layer, const Sequence<T>& call, const Plan& plan) {
  // Rows a multiple of a page's half apart would meet in the same few sets of the cache: put a line between them.
  const Index line = static_cast<Index>(kLine / sizeof(T));
  const bool even = static_cast<std::size_t>(layer.padded()) * sizeof(T) % 1024 == 0;
  const Index stride = layer.padded() + (even ? line : 0);
  const std::size_t state = rounded(static_cast<std::size_t>(call.batch * stride) * sizeof(T));
  const bool two_phases = layer.phases == 2;
  const std::size_t states = 2 + (layer.states == 2 ? 1 : 0) + (two_phases ? 2 : 0);
  std::size_t ahead = 0;
  if (plan.ahead) {
    const Index row = layer.padded() * gates_of(layer.cell);
    ahead = rounded(static_cast<std::size_t>(plan.chunk * call.batch * row) * sizeof(T));
  }
  auto* at = static_cast<char*>(buffer.reserve(states * state + ahead * static_cast<std::size_t>(plan.threads)));
  const auto next = [&at](std::size_t bytes) {
    T* here = reinterpret_cast<T*>(at);
    at += bytes;
    return here;
  };
  Workspace<T> space;
  space.stride = stride;
  space.h[0] = next(state);
  space.h[1] = next(state);
  if (layer.states == 2) space.c = next(state);
  if (two_phases) {
    space.update = next(state);
    space.reset = next(state);
  }
  space.ahead = next(0);
  space.ahead_size = static_cast<Index>(ahead / sizeof(T));
  return space;
}

template <class T>
struct Job {
  const Kernels& kernels;
  const Layer<T>& layer;
  const Sequence<T>& call;
  const Plan& plan;
  const Workspace<T>& space;
  Team& team;

  static void run(void* self, Index member) {
    const auto& job = *static_cast<const Job*>(self);
    job.kernels.run(job.layer, job.call, job.plan, job.space, job.team, member);
  }
};

}  // namespace

int gates_of(Cell cell) { return cell == Cell::lstm ? 4 : (cell == Cell::simple ? 1 : 3); }

int states_of(Cell cell) { return cell == Cell::lstm ? 2 : 1; }

void* Buffer::reserve(std::size_t bytes) {
  if (bytes > size_ || data_ == nullptr) {
    const std::size_t alignment = bytes >= kHugePage / 2 ? kHugePage : kLine;
    const std::size_t size = std::max((bytes + alignment - 1) / alignment * alignment, kLine);
    data_.reset();
    size_ = 0;
    data_.reset(std::aligned_alloc(alignment, size));
    if (data_ == nullptr) throw std::bad_alloc();
    size_ = size;
#if defined(__linux__)
    // Weights and states of a large layer touch more small pages in a step than the processor keeps translations of.
    if (alignment == kHugePage) madvise(data_.get(), size, MADV_HUGEPAGE);
#endif
  }
  return data_.get();
}

template <class T>
Recurrence<T>::Recurrence(Cell cell, Index inputs, Index units, const Weights<T>& weights, Activation activation,
                          Activation recurrent_activation)
    : kernels_(current_kernels()) {
  layer_.cell = cell;
  layer_.activation = activation;
  layer_.recurrent_activation = recurrent_activation;
  layer_.inputs = inputs;
  layer_.units = units;
  layer_.width = kernels_.width(T(0));
  layer_.panels = (units + layer_.width - 1) / layer_.width;
  layer_.states = states_of(cell);
  const std::vector<PhaseShape> shapes = phases_of(cell);
  layer_.phases = static_cast<int>(shapes.size());

  Index total = 0;
  for (const PhaseShape& shape : shapes) total += (inputs + units) * shape.gates + shape.sums;
  auto* at = static_cast<T*>(packed_.reserve(static_cast<std::size_t>(total * layer_.padded()) * sizeof(T)));

  const Index columns = gates_of(cell) * units;
  const std::vector<T> bias = bias_rows(cell, weights.bias, units);
  for (int i = 0; i < layer_.phases; ++i) {
    const PhaseShape& shape = shapes[static_cast<std::size_t>(i)];
    Phase<T>& phase = layer_.phase[i];
    phase.gates = shape.gates;
    phase.sums = shape.sums;
    phase.input = at;
    pack(at, weights.kernel, inputs, columns, units, layer_.width, shape.first_gate, shape.gates);
    at += inputs * shape.gates * layer_.padded();
    phase.recurrent = at;
    pack(at, weights.recurrent_kernel, units, columns, units, layer_.width, shape.first_gate, shape.gates);
    at += units * shape.gates * layer_.padded();
    phase.bias = at;
    pack(at, bias.data(), 1, static_cast<Index>(bias.size()), units, layer_.width, shape.first_gate, shape.sums);
    at += shape.sums * layer_.padded();
  }
}

template <class T>
void Recurrence<T>::forward(const Sequence<T>& call, Index most) const {
  static thread_local Buffer buffer;
  Plan plan = make_plan(layer_, call, most);
  Team team(plan.threads);
  if (team.size() < plan.threads) plan = make_plan(layer_, call, team.size());
  const Workspace<T> space = make_workspace(buffer, layer_, call, plan);
  Job<T> job{kernels_, layer_, call, plan, space, team};
  team.run(plan.threads, &Job<T>::run, &job);
}

template class Recurrence<float>;
template class Recurrence<double>;

}  // namespace gatewise
