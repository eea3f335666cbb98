#include "recurrence/recurrence.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "base/costs.h"
#include "kernels/bfloat16.h"
#include "recurrence/division.h"
#include "recurrence/isa.h"
#include "recurrence/padding.h"
#include "recurrence/workspace.h"
#include "threads/interrupt.h"

namespace gatewise {
namespace {

// The sequences from `first` on, `count` of them, as a call of their own.
template <class T>
Sequence<T> piece_of(const Sequence<T>& call, const PackedLayer<T>& layer, Index first, Index count) {
  Sequence<T> piece = call;
  piece.batch = count;
  if (call.lengths.rows != nullptr) {  // Its rows say where theirs is.
    piece.lengths.rows += first;
    piece.lengths.steps += first;
    return piece;
  }
  piece.x += first * call.x_batch;
  if (call.mask != nullptr) piece.mask += first * call.mask_batch;
  if (call.initial_rows != nullptr) piece.initial_rows += first;
  if (call.last_rows != nullptr) piece.last_rows += first;
  for (int i = 0; i < layer.states; ++i) {
    const Index last_batch = call.last_batch[i] != 0 ? call.last_batch[i] : layer.units;
    if (call.initial[i] != nullptr && call.initial_rows == nullptr) piece.initial[i] += first * call.initial_batch[i];
    if (call.last[i] != nullptr && call.last_rows == nullptr) piece.last[i] += first * last_batch;
  }
  if (call.soon.count != 0) {
    const Index begin = call.soon.count * first / call.batch;
    piece.soon.rows += begin;
    piece.soon.count = call.soon.count * (first + count) / call.batch - begin;
  }
  piece.y += first * layer.units * (call.sequences ? call.steps : 1);
  const Index gates = facts(layer.cell).gate_count();
  if (call.factors != nullptr) piece.factors += first * gates * layer.units;
  if (call.input_factors != nullptr) piece.input_factors += first * gates * layer.inputs;
  if (call.reserve != nullptr) {
    const Index fields = facts(layer.cell).sums() + layer.states;
    piece.reserve += first * call.steps * fields * reserve_units<T>(layer.units);
  }
  return piece;
}

// The call without its mask, where that says no more than `padding` does.
template <class T>
Sequence<T> unmasked(Sequence<T> call, const Padding& padding) {
  if (!padding.replaces_mask()) return call;
  call.mask = nullptr;
  call.lengths = padding.lengths();
  return call;
}

template <class T>
Padding padding_of(const Sequence<T>& call) {
  return Padding({call.mask, call.batch, call.steps, call.mask_batch, call.mask_time}, call.go_backwards);
}

// A call whose batch is cut into pieces, which members take as they are free.
template <class T>
struct Pieces {
  const Kernels& kernels;
  const PackedLayer<T>& layer;
  const Sequence<T>& call;
  const Division& division;
  const Workspace<T>& space;
  Team& team;
  const std::vector<Index>& ends;
  std::atomic<Index> taken{0};

  static void run(void* self, Index member) { static_cast<Pieces*>(self)->work(member); }

  // From where to where a piece goes: all are as long as one another, but for the last, or end at `ends`.
  Index begin_of(Index piece) const {
    if (ends.empty() || piece == 0) return division.rows * piece;
    const auto before = static_cast<std::size_t>(piece - 1);
    return before < ends.size() ? ends[before] : call.batch;
  }

  void work(Index member) {
    do {
      const Index number = taken.fetch_add(1, std::memory_order_relaxed);
      const Index first = begin_of(number);
      if (first >= call.batch) return;
      const Sequence<T> piece = piece_of(call, layer, first, std::min(begin_of(number + 1), call.batch) - first);
      kernels.run({layer, piece, division, space, team, member, 0});
      if (member == 0) team.look();
    } while (!team.stopped());
  }
};

// Two calls in pieces. Members begin with either in turn, and help with the other.
template <class T>
struct PiecesOfBoth {
  Pieces<T>* pieces[2];

  static void run(void* self, Index member) {
    auto& both = *static_cast<PiecesOfBoth*>(self);
    both.pieces[member & 1]->work(member);
    both.pieces[~member & 1]->work(member);
  }
};

// Steps of a call that a team does, dividing the units, or one thread of it alone.
template <class T>
struct Steps {
  const Kernels& kernels;
  const PackedLayer<T>& layer;
  const Sequence<T>& call;
  const Division& division;
  const Workspace<T>& space;
  Team& team;
  Index now;

  static void run(void* self, Index member) {
    auto& steps = *static_cast<Steps*>(self);
    const Index from = steps.now;
    const Index step =
        steps.kernels.run({steps.layer, steps.call, steps.division, steps.space, steps.team, member, from});
    if (member == 0) steps.reached = step;
  }

  Index reached = 0;
};

// Where pieces of unlike lengths end; none where all are alike. The division then has room for the longest.
template <class T>
std::vector<Index> cut(const Sequence<T>& call, Division& division) {
  if (call.lengths.rows == nullptr) return {};
  std::vector<Index> ends = cut(call.lengths, call.batch, division.rows);
  Index begin = 0;
  for (const Index end : ends) {
    division.rows = std::max(division.rows, end - begin);
    begin = end;
  }
  return ends;
}

// The same division for a team of fewer members; memory for the whole team will do.
Division shrunk(Division division, Index members) {
  division.look = division.look * members / division.threads + 1;
  division.threads = members;
  division.split_units = members > 1;
  return division;
}

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

// Throws where the engine has no code for this.
template <class T>
void want_compiled(const CellFacts& cell, RecurrenceOptions options) {
  const std::string name = std::string("the cell ") + cell.name;
  if (!has_type<T>(cell)) throw std::invalid_argument(name + " is compiled for float32 alone");
  if (options.reserves && !options.factors && !cell.goes_back) throw std::invalid_argument(name + " keeps no reserve");
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
                          Activation recurrent_activation, RecurrenceOptions options)
    : kernels_(current_kernels()) {
  want_compiled<T>(facts(cell), options);
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
  const bool has_tiles = std::is_same_v<T, float> && kernels_.tiles32 != nullptr && !facts(cell).rare;
  const bool tiles = has_tiles && !options.reserves && (options.bfloat16 || large);
  layer.by_gate = options.factors;
  layer.folded = !tiles && !options.reserves && has_few_left(cell, sizes.units, layer.width);
  layer.states = facts(cell).states.size();
  const T* const kernel = weights.at[kKernelAt];
  const T* const recurrent_kernel = weights.at[kRecurrentKernelAt];
  const Index columns = gates_of(cell) * sizes.units;
  if (options.bfloat16) {
    const std::vector<T> kernel_rounded = rounded_weights(kernel, sizes.inputs * columns);
    const std::vector<T> recurrent_rounded =
        rounded_weights(recurrent_kernel, facts(cell).state_rows(sizes.units) * columns);
    Weights<T> rounded = weights;
    rounded.at[kKernelAt] = kernel_rounded.data();
    rounded.at[kRecurrentKernelAt] = recurrent_rounded.data();
    packed_ = pack_for_vectors(layer, rounded);
  } else {
    packed_ = pack_for_vectors(layer, weights);
  }
  if constexpr (std::is_same_v<T, float>) {
    if (!has_tiles || options.reserves) return;
    if (options.bfloat16) {
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
void Recurrence<T>::forward(const Sequence<T>& call) const {
  const Padding padding = padding_of(call);
  forward(unmasked(call, padding), threads());
}

template <class T>
void Recurrence<T>::forward(const Sequence<T>& call, Index most) const {
  const PackedLayer<T>& layer = layer_for(call);
  const Division division = make_division(layer, call, most);
  if (division.split_units) {
    run_steps(layer, call, division);
  } else {
    run_pieces(layer, call, division);
  }
}

template <class T>
void Recurrence<T>::forward_both(const Recurrence& first, const Sequence<T>& masked, const Recurrence& second,
                                 const Sequence<T>& other_masked) {
  const Padding padding = padding_of(masked);
  const Padding padding_of_other = padding_of(other_masked);
  const Sequence<T> call = unmasked(masked, padding);
  const Sequence<T> other = unmasked(other_masked, padding_of_other);
  const Index half = threads() / 2;
  const PackedLayer<T>& layer = first.layer_for(call);
  const PackedLayer<T>& layer_of_other = second.layer_for(other);
  Division division = make_division(layer, call, half);
  Division division_of_other = make_division(layer_of_other, other, half);
  const double work = work_of(layer, call) + work_of(layer_of_other, other);
  if (half == 0 || work <= costs::kCallWorthThreads || division.split_units || division_of_other.split_units) {
    first.forward(call, threads());
    second.forward(other, threads());
    return;
  }
  Team team(threads());
  division.threads = division_of_other.threads = team.size();
  const std::vector<Index> ends = cut(call, division);
  const std::vector<Index> ends_of_other = cut(other, division_of_other);
  const Workspace<T> space = make_workspace(own_buffer(), layer, division);
  const Workspace<T> space_of_other = make_workspace(own_buffer(1), layer_of_other, division_of_other);
  Pieces<T> pieces{first.kernels_, layer, call, division, space, team, ends};
  Pieces<T> others{second.kernels_, layer_of_other, other, division_of_other, space_of_other, team, ends_of_other};
  PiecesOfBoth<T> both{{&pieces, &others}};
  team.run(team.size(), &PiecesOfBoth<T>::run, &both);
  if (team.stopped()) throw Interrupted();
}

template <class T>
void Recurrence<T>::run_pieces(const PackedLayer<T>& layer, const Sequence<T>& call, Division division) const {
  Team team(division.threads);
  if (team.size() < division.threads) division = make_division(layer, call, team.size());
  const std::vector<Index> ends = cut(call, division);
  const Workspace<T> space = make_workspace(own_buffer(), layer, division);
  Pieces<T> pieces{kernels_, layer, call, division, space, team, ends};
  team.run(division.threads, &Pieces<T>::run, &pieces);
  if (team.stopped()) throw Interrupted();
}

// A team that leaves off makes way for one that is as large as the machine allows then.
template <class T>
void Recurrence<T>::run_steps(const PackedLayer<T>& layer, const Sequence<T>& call, const Division& division) const {
  const Workspace<T> space = make_workspace(own_buffer(), layer, division);
  bool stuck = false;  // Not all came, so the team did nothing.
  for (Index now = 0; now < call.steps;) {
    Team team(division.threads);
    team.stop_after_pause();
    const Division present = shrunk(division, stuck ? 1 : team.size());
    Steps<T> steps{kernels_, layer, call, present, space, team, now};
    team.run(present.threads, &Steps<T>::run, &steps);
    stuck = steps.reached == now;
    now = steps.reached;
    if (now < call.steps && interrupted()) throw Interrupted();
  }
}

template class Recurrence<float>;
template class Recurrence<double>;

}  // namespace gatewise
