#include "recurrence/recurrence.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <vector>

#include "recurrence/isa.h"
#include "recurrence/packing.h"

namespace gatewise {

namespace {

constexpr std::size_t kLine = 64;
// Between what one thread writes and what another does: a core fetches the lines ahead of those that it works on, and
// would take them from its neighbour time and again. (Measured: 20% of a step of a small layer.)
constexpr std::size_t kApart = 1024;
// Weights of so many bytes stay in the first-level cache beside all else.
constexpr double kNear = 32768;
constexpr std::size_t kHugePage = 2U << 20;
// Float32 layers go by tiles from so many sequences on (a tile's rows for each of two threads, nearly), and where a sum
// has so many terms: the two ends of a tile cost as much as 60 of them.
constexpr Index kRowsWorthTiles = 28;
constexpr Index kTermsWorthTiles = 120;
constexpr Index kUnitsWorthTiles = 64;

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

// Rows that each thread must have before the batch is divided rather than the units (no barriers, but every thread
// reads all weights): few where the weights are near, many where they come from afar, and for tiles nearly their
// height.
template <class T>
double rows_worth_a_thread(const Layer<T>& layer, double weight_bytes) {
  if (weight_bytes > 0.75 * private_cache()) return 64;
  if (layer.parts != 0) return kRowsWorthTiles / 2;
  return weight_bytes <= kNear ? 2 : 3.5;
}

// Whether to multiply the inputs of many steps by the kernel before the steps themselves: in higher tiles, and reading
// the kernel less often, but writing and reading the sums between.
template <class T>
bool ahead_is_worth_it(const Layer<T>& layer, const Sequence<T>& call, bool split_units, double weight_bytes) {
  const bool afar = weight_bytes > 0.75 * private_cache();
  if (layer.parts != 0) return call.batch < 12 || (afar && split_units);
  if (call.batch >= 6) return false;
  if (afar) return true;
  return weight_bytes > kNear ? layer.inputs >= 8 * call.batch : layer.inputs >= 24 && call.batch == 1;
}

template <class T>
Plan make_plan(const Layer<T>& layer, const Sequence<T>& call, Index threads) {
  Plan plan;
  const double gates = gates_of(layer.cell);
  const double recurrent = static_cast<double>(layer.padded() * layer.recurrent_rows) * gates * sizeof(T);
  const double input = static_cast<double>(layer.padded() * layer.input_rows) * gates * sizeof(T);
  const double batch = static_cast<double>(call.batch);
  const double work = (recurrent + input) / 4 * batch;  // multiply-adds of a step, more or less

  if (threads > 1 && work * static_cast<double>(call.steps) > 4e5) {
    if (batch >= rows_worth_a_thread(layer, recurrent + input) * static_cast<double>(threads)) {
      plan.threads = threads;
    } else if (work > 3e4) {  // a step of 0.7 us: half of it is more than a barrier
      plan.threads = std::min<Index>(threads, layer.panels);
      plan.split_units = plan.threads > 1;
    }
  }
  plan.ahead = call.steps > 1 && ahead_is_worth_it(layer, call, plan.split_units, recurrent + input);
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

// Bytes that the inputs of a member and the states of all take, as pairs for the tiles.
struct PairSizes {
  Index stride = 0;
  std::size_t state = 0;
  std::size_t inputs = 0;
};

template <class T>
PairSizes pair_sizes(const Layer<T>& layer, const Sequence<T>& call, const Plan& plan) {
  PairSizes sizes;
  if (layer.parts == 0) return sizes;
  sizes.stride = layer.recurrent_rows + static_cast<Index>(kLine / sizeof(T));
  sizes.state = rounded(static_cast<std::size_t>(call.batch * sizes.stride) * sizeof(T));
  const Index steps = plan.ahead ? plan.chunk : 1;
  sizes.inputs = rounded(static_cast<std::size_t>(steps * call.batch * layer.input_rows) * sizeof(T));
  return sizes;
}

// The working memory of one call, out of one buffer.
template <class T>
Workspace<T> make_workspace(Buffer& buffer, const Layer<T>& layer, const Sequence<T>& call, const Plan& plan) {
  // Rows a multiple of a page's half apart would meet in the same few sets of the cache: put a line between them.
  const Index line = static_cast<Index>(kLine / sizeof(T));
  const bool even = static_cast<std::size_t>(layer.padded()) * sizeof(T) % 1024 == 0;
  const Index stride = layer.padded() + (even ? line : 0);
  const auto members = static_cast<std::size_t>(plan.threads);
  const std::size_t apart = members > 1 ? kApart : 0;
  const std::size_t state = rounded(static_cast<std::size_t>(call.batch * stride) * sizeof(T)) + apart * members;
  const bool two_phases = layer.phases == 2;
  const std::size_t states = 2 + (layer.states == 2 ? 1 : 0) + (two_phases ? 2 : 0);
  std::size_t ahead = 0;
  if (plan.ahead) {
    const Index row = layer.padded() * gates_of(layer.cell);
    ahead = rounded(static_cast<std::size_t>(plan.chunk * call.batch * row) * sizeof(T)) + apart;
  }
  PairSizes pairs = pair_sizes(layer, call, plan);
  pairs.state += apart * members;
  pairs.inputs += apart;
  const std::size_t pair_states = two_phases ? 3 : 2;
  auto* at = static_cast<char*>(
      buffer.reserve(states * state + ahead * members + pairs.state * pair_states + pairs.inputs * members));
  const auto next = [&at](std::size_t bytes) {
    T* here = reinterpret_cast<T*>(at);
    at += bytes;
    return here;
  };
  Workspace<T> space;
  space.apart = static_cast<Index>(apart / sizeof(T));
  space.stride = stride;
  space.h[0] = next(state);
  space.h[1] = next(state);
  if (layer.states == 2) space.c = next(state);
  if (two_phases) {
    space.update = next(state);
    space.reset = next(state);
  }
  if (layer.parts != 0) {
    space.input_stride = layer.input_rows;
    space.pair_stride = pairs.stride;
    space.pairs[0] = next(pairs.state);
    space.pairs[1] = next(pairs.state);
    if (two_phases) space.reset_pairs = next(pairs.state);
    space.inputs = next(pairs.inputs * members);
    space.inputs_size = static_cast<Index>(pairs.inputs / sizeof(T));
  }
  space.ahead = next(ahead * members);
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

namespace {

// The weights rounded to bfloat16 and kept as T.
template <class T>
std::vector<T> rounded_weights(const T* weights, Index count) {
  std::vector<T> copy(weights, weights + count);
  for (T& w : copy) w = static_cast<T>(from_bfloat16(to_bfloat16(static_cast<float>(w))));
  return copy;
}

// Whether the units past the last whole vector are few enough to fold.
template <class T>
bool has_few_left(const Layer<T>& layer) {
  const Index left = layer.units % layer.width;
  return left != 0 && left <= layer.width / kFold && folds(phases_of(layer.cell).front().gates, layer.width);
}

// Weights in one piece: `input_rows` and `recurrent_rows` of the layer must be set. Calls `fill(phase, shape)` for each
// phase, whose pointers are set but for their constness.
template <class T, class Fill>
void lay_out(Packed<T>& packed, Fill fill) {
  Layer<T>& layer = packed.layer;
  const std::vector<PhaseShape> shapes = phases_of(layer.cell);
  Index total = 0;
  for (const PhaseShape& shape : shapes) {
    total += (layer.input_rows + layer.recurrent_rows) * shape.gates + shape.sums;
  }
  auto* at = static_cast<T*>(packed.memory.reserve(static_cast<std::size_t>(total * layer.padded()) * sizeof(T)));
  for (int i = 0; i < layer.phases; ++i) {
    const PhaseShape& shape = shapes[static_cast<std::size_t>(i)];
    T* const input = at;
    T* const recurrent = input + layer.input_rows * shape.gates * layer.padded();
    T* const bias = recurrent + layer.recurrent_rows * shape.gates * layer.padded();
    at = bias + shape.sums * layer.padded();
    layer.phase[i] = {input, recurrent, bias, shape.gates, shape.sums};
    fill(i, shape, input, recurrent, bias);
  }
}

template <class T>
Packed<T> pack_for_vectors(Layer<T> layer, const Weights<T>& weights) {
  Packed<T> packed;
  packed.layer = layer;
  packed.layer.input_rows = layer.inputs;
  packed.layer.recurrent_rows = layer.units;
  const Index units = layer.units;
  const Index whole = layer.whole_panels();
  const Index columns = gates_of(layer.cell) * units;
  const std::vector<T> bias_of = bias_rows(layer.cell, weights.bias, units);
  const auto bias_columns = static_cast<Index>(bias_of.size());
  const auto fold = [&](T* to, const Unpacked<T>& from) {
    return layer.folded ? pack(to, from, whole * layer.width, 1, kFold, layer.width / kFold) : to;
  };
  lay_out(packed, [&](int /*i*/, const PhaseShape& shape, T* input, T* recurrent, T* bias) {
    const Unpacked<T> kernel{weights.kernel, layer.inputs, columns, units, shape.first_gate, shape.gates};
    fold(pack(input, kernel, 0, whole, shape.gates, layer.width), kernel);
    const Unpacked<T> recurrent_kernel{weights.recurrent_kernel, units, columns, units, shape.first_gate, shape.gates};
    fold(pack(recurrent, recurrent_kernel, 0, whole, shape.gates, layer.width), recurrent_kernel);
    // A folded panel whose last sum begins anew for the state finds the bias of that sum where the gate's was.
    Unpacked<T> sums{bias_of.data(), 1, bias_columns, units, shape.first_gate, shape.sums};
    bias = pack(bias, sums, 0, whole, shape.sums, layer.width);
    sums.gates = shape.gates;
    for (; sums.first_gate + shape.gates <= shape.first_gate + shape.sums; ++sums.first_gate) bias = fold(bias, sums);
  });
  return packed;
}

// The same weights for tiles.
Packed<float> pack_for_tiles(const Layer<float>& from, int parts) {
  Packed<float> packed;
  Layer<float>& layer = packed.layer;
  layer = from;
  layer.parts = parts;
  layer.input_rows = whole_tiles(from.inputs) * parts;
  layer.recurrent_rows = whole_tiles(from.units) * parts;
  lay_out(packed, [&](int i, const PhaseShape& shape, float* input, float* recurrent, float* bias) {
    const Phase<float>& phase = from.phase[i];
    pack_tiles(input, phase.input, from.panels, from.input_rows, shape.gates, from.width, parts);
    pack_tiles(recurrent, phase.recurrent, from.panels, from.recurrent_rows, shape.gates, from.width, parts);
    std::copy(phase.bias, phase.bias + shape.sums * from.padded(), bias);
  });
  return packed;
}

bool all_below_limit(const float* weights, Index count) {
  return std::all_of(weights, weights + count, [](float w) { return std::abs(w) < kTileLimit; });
}

}  // namespace

// No lock, which a fork in the middle would leave locked in the child: who comes first is seen, who comes second has
// packed for nothing.
class Tiled {
 public:
  explicit Tiled(const Layer<float>& exact) : exact_(exact) {}
  Tiled(const Tiled&) = delete;
  Tiled& operator=(const Tiled&) = delete;
  ~Tiled() { delete packed_.load(); }

  const Layer<float>& layer() {
    const Packed<float>* first = packed_.load(std::memory_order_acquire);
    if (first == nullptr) {
      auto mine = std::make_unique<Packed<float>>(pack_for_tiles(exact_, kFloatParts));
      mine->layer.exact = &exact_;
      if (packed_.compare_exchange_strong(first, mine.get(), std::memory_order_acq_rel)) first = mine.release();
    }
    return first->layer;
  }

 private:
  const Layer<float> exact_;
  std::atomic<const Packed<float>*> packed_{nullptr};
};

template <class T>
Recurrence<T>::Recurrence(Recurrence&& other) noexcept = default;

template <class T>
Recurrence<T>::~Recurrence() = default;

template <class T>
Recurrence<T>::Recurrence(Cell cell, Index inputs, Index units, const Weights<T>& weights, Activation activation,
                          Activation recurrent_activation, bool bfloat16)
    : kernels_(current_kernels()) {
  Layer<T> layer;
  layer.cell = cell;
  layer.activation = activation;
  layer.recurrent_activation = recurrent_activation;
  layer.inputs = inputs;
  layer.units = units;
  layer.width = kernels_.width(T(0));
  layer.panels = (units + layer.width - 1) / layer.width;
  // Tiles are packed from what is packed for vectors, and take whole panels only.
  const bool tiles = std::is_same_v<T, float> && kernels_.tiles32 != nullptr && (bfloat16 || units >= kUnitsWorthTiles);
  layer.folded = !tiles && has_few_left(layer);
  layer.states = states_of(cell);
  layer.phases = static_cast<int>(phases_of(cell).size());
  const Index columns = gates_of(cell) * units;
  if (bfloat16) {
    const std::vector<T> kernel = rounded_weights(weights.kernel, inputs * columns);
    const std::vector<T> recurrent_kernel = rounded_weights(weights.recurrent_kernel, units * columns);
    packed_ = pack_for_vectors(layer, {kernel.data(), recurrent_kernel.data(), weights.bias});
  } else {
    packed_ = pack_for_vectors(layer, weights);
  }
  if constexpr (std::is_same_v<T, float>) {
    if (kernels_.tiles32 == nullptr) return;
    if (bfloat16) {
      packed_ = pack_for_tiles(packed_.layer, 1);
    } else if (units >= kUnitsWorthTiles && inputs + units >= kTermsWorthTiles &&
               all_below_limit(weights.kernel, inputs * columns) &&
               all_below_limit(weights.recurrent_kernel, units * columns)) {
      tiled_ = std::make_unique<Tiled>(packed_.layer);
    }
  }
}

// Where the machine has tiles and they are worth it. Neither threads nor the number of steps decide: the bits of a
// sequence depend on them in no way.
template <class T>
const Layer<T>& Recurrence<T>::layer_for(const Sequence<T>& call) const {
  if constexpr (std::is_same_v<T, float>) {
    if (tiled_ != nullptr && !call.independent && call.batch >= kRowsWorthTiles) return tiled_->layer();
  }
  return packed_.layer;
}

template <class T>
void Recurrence<T>::forward(const Sequence<T>& call, Index most) const {
  static thread_local Buffer buffer;
  const Layer<T>& layer = layer_for(call);
  Plan plan = make_plan(layer, call, most);
  Team team(plan.threads);
  if (team.size() < plan.threads) plan = make_plan(layer, call, team.size());
  const Workspace<T> space = make_workspace(buffer, layer, call, plan);
  Job<T> job{kernels_, layer, call, plan, space, team};
  team.run(plan.threads, &Job<T>::run, &job);
}

template class Recurrence<float>;
template class Recurrence<double>;

}  // namespace gatewise
