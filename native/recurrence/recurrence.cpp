#include "recurrence/recurrence.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <type_traits>
#include <vector>

#include "base/costs.h"
#include "kernels/bfloat16.h"
#include "recurrence/division.h"
#include "recurrence/isa.h"
#include "recurrence/workspace.h"

namespace gatewise {
namespace {

template <class T>
struct Job {
  const Kernels& kernels;
  const PackedLayer<T>& layer;
  const Sequence<T>& call;
  const Division& division;
  const Workspace<T>& space;
  Team& team;

  static void run(void* self, Index member) {
    const auto& job = *static_cast<const Job*>(self);
    job.kernels.run(job.layer, job.call, job.division, job.space, job.team, member);
  }
};

// The weights rounded to bfloat16 and kept as T.
template <class T>
std::vector<T> rounded_weights(const T* weights, Index count) {
  std::vector<T> copy(weights, weights + count);
  for (T& w : copy) w = static_cast<T>(from_bfloat16(to_bfloat16(static_cast<float>(w))));
  return copy;
}

// Whether the units past the last whole vector are few enough to fold.
bool has_few_left(Cell cell, Index units, Index width) {
  const Index left = units % width;
  return left != 0 && left <= width / kFold && folds(facts(cell), width);
}

bool all_below_limit(const float* weights, Index count) {
  return std::all_of(weights, weights + count, [](float w) { return std::abs(w) < kTileLimit; });
}

}  // namespace

// No lock, which a fork in the middle would leave locked in the child: who comes first is seen, who comes second has
// packed for nothing.
class Tiled {
 public:
  explicit Tiled(const PackedLayer<float>& exact) : exact_(exact) {}
  Tiled(const Tiled&) = delete;
  Tiled& operator=(const Tiled&) = delete;
  ~Tiled() { delete packed_.load(); }

  const PackedLayer<float>& layer() {
    const Packing<float>* first = packed_.load(std::memory_order_acquire);
    if (first == nullptr) {
      auto mine = std::make_unique<Packing<float>>(pack_for_tiles(exact_, kFloatParts));
      mine->layer.exact = &exact_;
      if (packed_.compare_exchange_strong(first, mine.get(), std::memory_order_acq_rel)) first = mine.release();
    }
    return first->layer;
  }

 private:
  const PackedLayer<float> exact_;
  std::atomic<const Packing<float>*> packed_{nullptr};
};

template <class T>
Recurrence<T>::Recurrence(Recurrence&& other) noexcept = default;

template <class T>
Recurrence<T>::~Recurrence() = default;

template <class T>
Recurrence<T>::Recurrence(Cell cell, Sizes sizes, const Weights<T>& weights, Activation activation,
                          Activation recurrent_activation, bool bfloat16)
    : kernels_(current_kernels()) {
  PackedLayer<T> layer;
  layer.cell = cell;
  layer.activation = activation;
  layer.recurrent_activation = recurrent_activation;
  layer.inputs = sizes.inputs;
  layer.units = sizes.units;
  layer.width = kernels_.width(T(0));
  layer.panels = (sizes.units + layer.width - 1) / layer.width;
  // Tiles are packed from what is packed for vectors, and take whole panels only.
  const bool large = sizes.units >= costs::kUnitsWorthTiles;
  const bool tiles = std::is_same_v<T, float> && kernels_.tiles32 != nullptr && (bfloat16 || large);
  layer.folded = !tiles && has_few_left(cell, sizes.units, layer.width);
  layer.states = facts(cell).states.size();
  const T* const kernel = weights.at[kKernelAt];
  const T* const recurrent_kernel = weights.at[kRecurrentKernelAt];
  const Index columns = gates_of(cell) * sizes.units;
  if (bfloat16) {
    const std::vector<T> kernel_rounded = rounded_weights(kernel, sizes.inputs * columns);
    const std::vector<T> recurrent_rounded = rounded_weights(recurrent_kernel, sizes.units * columns);
    Weights<T> rounded = weights;
    rounded.at[kKernelAt] = kernel_rounded.data();
    rounded.at[kRecurrentKernelAt] = recurrent_rounded.data();
    packed_ = pack_for_vectors(layer, rounded);
  } else {
    packed_ = pack_for_vectors(layer, weights);
  }
  if constexpr (std::is_same_v<T, float>) {
    if (kernels_.tiles32 == nullptr) return;
    if (bfloat16) {
      packed_ = pack_for_tiles(packed_.layer, 1);
    } else if (large && sizes.inputs + sizes.units >= costs::kTermsWorthTiles &&
               all_below_limit(kernel, sizes.inputs * columns) &&
               all_below_limit(recurrent_kernel, sizes.units * columns)) {
      tiled_ = std::make_unique<Tiled>(packed_.layer);
    }
  }
}

// Where the machine has tiles and they are worth it. Neither threads nor the number of steps decide: the bits of a
// sequence depend on them in no way.
template <class T>
const PackedLayer<T>& Recurrence<T>::layer_for(const Sequence<T>& call) const {
  if constexpr (std::is_same_v<T, float>) {
    if (tiled_ != nullptr && !call.independent && call.batch >= costs::kRowsWorthTiles) return tiled_->layer();
  }
  return packed_.layer;
}

template <class T>
void Recurrence<T>::forward(const Sequence<T>& call, Index most) const {
  static thread_local Buffer buffer;
  const PackedLayer<T>& layer = layer_for(call);
  Division division = make_division(layer, call, most);
  Team team(division.threads);
  if (team.size() < division.threads) division = make_division(layer, call, team.size());
  const Workspace<T> space = make_workspace(buffer, layer, call, division);
  Job<T> job{kernels_, layer, call, division, space, team};
  team.run(division.threads, &Job<T>::run, &job);
}

template class Recurrence<float>;
template class Recurrence<double>;

}  // namespace gatewise
