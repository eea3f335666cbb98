#include "recurrence/backward.h"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/costs.h"
#include "recurrence/isa.h"
#include "recurrence/padding.h"
#include "threads/team.h"

namespace gatewise {
namespace {

template <class T>
T* pack_unit_weights(T* to, const CellFacts& cell, const Weights<T>& weights, Index units, Index panels, Index width) {
  for (Index panel = 0; panel < panels; ++panel) {
    for (int w = 0; w < cell.weights.size(); ++w) {
      for (int row = 0; row < cell.weights[w].rows_of_units(); ++row) {
        for (Index lane = 0; lane < width; ++lane) {
          const Index unit = panel * width + lane;
          *to++ = unit < units && weights.at[w] != nullptr ? weights.at[w][row * units + unit] : T(0);
        }
      }
    }
  }
  return to;
}

template <class T>
BackwardSpace<T> make_space(Buffer& buffer, const PackedBackward<T>& layer, const Backward<T>& call) {
  const int fields = facts(layer.cell).fields();
  const auto line = static_cast<Index>(costs::kLine / sizeof(T));
  BackwardSpace<T> space;
  space.stride = layer.padded() + line;
  const Index size = call.batch * space.stride;
  const bool repeats = call.mask != nullptr || call.lengths.rows != nullptr;
  const auto count = static_cast<std::size_t>(size * (fields + (repeats ? 1 : 0)));
  T* at = static_cast<T*>(buffer.reserve(count * sizeof(T)));
  for (int f = 0; f < fields; ++f, at += size) space.fields[f] = at;
  if (repeats) space.repeated = at;
  return space;
}

// The batch in pieces, which members take as they are free.
template <class T>
struct Rows {
  const Kernels& kernels;
  const PackedBackward<T>& layer;
  const Backward<T>& call;
  const BackwardSpace<T>& space;
  Team& team;
  std::vector<Index> ends;
  std::atomic<Index> taken{0};

  static void run(void* self, Index member) { static_cast<Rows*>(self)->work(member); }

  void work(Index member) {
    for (;;) {
      const auto piece = static_cast<std::size_t>(taken.fetch_add(1, std::memory_order_relaxed));
      if (piece >= ends.size()) return;
      const Index first = piece == 0 ? 0 : ends[piece - 1];
      const Index end = ends[piece];
      kernels.run(BackwardPart<T>{layer, call, space, team, first, end, 0, layer.panels, member, 0, false});
    }
  }
};

// Two calls in pieces. Members begin with either in turn, and help with the other.
template <class T>
struct RowsOfBoth {
  Rows<T>* rows[2];

  static void run(void* self, Index member) {
    auto& both = *static_cast<RowsOfBoth*>(self);
    both.rows[member & 1]->work(member);
    both.rows[~member & 1]->work(member);
  }
};

// The ends of the pieces of a way back.
template <class T>
std::vector<Index> pieces_of(const Backward<T>& call, Index threads) {
  const Index share = (call.batch + threads - 1) / threads;
  const Index pieces = std::max<Index>(1, share / costs::kRowsOfBackwardPiece);
  const Index rows = (share + pieces - 1) / pieces;
  if (call.lengths.rows != nullptr) return cut(call.lengths, call.batch, rows);
  std::vector<Index> ends;
  for (Index first = 0; first < call.batch; first += rows) ends.push_back(std::min(first + rows, call.batch));
  return ends;
}

// The call without its mask, where that says no more than `padding` does.
template <class T>
Backward<T> unmasked(Backward<T> call, const Padding& padding) {
  if (!padding.replaces_mask()) return call;
  call.mask = nullptr;
  call.lengths = padding.lengths();
  return call;
}

template <class T>
Padding padding_of(const Backward<T>& call) {
  return Padding({call.mask, call.batch, call.steps, call.steps, 1}, call.go_backwards);
}

// The units in panels, a share for each member of a team.
template <class T>
struct Panels {
  const Kernels& kernels;
  const PackedBackward<T>& layer;
  const Backward<T>& call;
  const BackwardSpace<T>& space;
  Team& team;
  Index members;
  Index from;
  Index reached = 0;

  static void run(void* self, Index member) {
    auto& all = *static_cast<Panels*>(self);
    const Index begin = all.layer.panels * member / all.members;
    const Index end = all.layer.panels * (member + 1) / all.members;
    const Index from = all.from;
    const Index section = all.kernels.run(BackwardPart<T>{all.layer, all.call, all.space, all.team, 0, all.call.batch,
                                                          begin, end, member, from, all.members > 1});
    if (member == 0) all.reached = section;
  }
};

}  // namespace

template <class T>
Backwards<T>::Backwards(Cell cell, Index units, const Weights<T>& weights, Activation activation,
                        Activation recurrent_activation)
    : kernels_(current_kernels()) {
  const CellFacts& all = facts(cell);
  if (!all.goes_back) throw std::invalid_argument(std::string("the cell ") + all.name + " has no way back here");
  layer_.cell = cell;
  layer_.activation = activation;
  layer_.recurrent_activation = recurrent_activation;
  layer_.units = units;
  layer_.width = kernels_.width(T(0));
  layer_.panels = (units + layer_.width - 1) / layer_.width;
  const Index gates = all.gate_count();
  const Index numbers = layer_.padded() * (gates * all.state_rows(units) + all.unit_rows());
  T* at = static_cast<T*>(memory_.reserve(static_cast<std::size_t>(numbers) * sizeof(T)));
  const auto pack = [&](Index first_gate, Index count) {
    const T* const begin = at;
    at = pack_turned(at, weights.at[kRecurrentKernelAt], units, gates * units, {first_gate * units, count * units},
                     layer_.width);
    return begin;
  };
  for (int i = 0; all.multiplies() && i < all.phases.size(); ++i) {
    const PhaseFacts& phase = all.phases[i];
    const bool apart = phase.sums != phase.gates;
    layer_.joined[i] = pack(phase.first_gate, phase.gates - (apart ? 1 : 0));
    if (apart) layer_.apart[i] = pack(phase.first_gate + phase.gates - 1, 1);
  }
  layer_.unit_weights = at;
  pack_unit_weights(at, all, weights, units, layer_.panels, layer_.width);
}

template <class T>
double Backwards<T>::work(const Backward<T>& call) const {
  const CellFacts& cell = facts(layer_.cell);
  return static_cast<double>(layer_.units * cell.state_rows(layer_.units) * cell.gate_count()) *
         real_steps(call.lengths, call.batch, call.steps);
}

template <class T>
void Backwards<T>::run_both(const Backwards& first, const Backward<T>& masked, const Backwards& second,
                            const Backward<T>& other_masked) {
  const Padding padding = padding_of(masked);
  const Padding padding_of_other = padding_of(other_masked);
  const Backward<T> call = unmasked(masked, padding);
  const Backward<T> other = unmasked(other_masked, padding_of_other);
  const Index half = threads() / 2;
  const double all = first.work(call) + second.work(other);
  const auto least = static_cast<double>(std::min(call.batch, other.batch));
  if (half == 0 || all <= costs::kCallWorthThreads ||
      (half > 1 && least < costs::kRowsOfAThread * static_cast<double>(half))) {
    first.run_alone(call);
    second.run_alone(other);
    return;
  }
  const BackwardSpace<T> space = make_space(own_buffer(), first.layer_, call);
  const BackwardSpace<T> space_of_other = make_space(own_buffer(1), second.layer_, other);
  Team team(threads());
  Rows<T> rows{first.kernels_, first.layer_, call, space, team, pieces_of(call, half)};
  Rows<T> others{second.kernels_, second.layer_, other, space_of_other, team, pieces_of(other, half)};
  RowsOfBoth<T> both{{&rows, &others}};
  team.run(team.size(), &RowsOfBoth<T>::run, &both);
}

template <class T>
void Backwards<T>::run(const Backward<T>& call) const {
  const Padding padding = padding_of(call);
  run_alone(unmasked(call, padding));
}

template <class T>
void Backwards<T>::run_alone(const Backward<T>& call) const {
  const BackwardSpace<T> space = make_space(own_buffer(), layer_, call);
  const double all = work(call);
  const double step = all / std::max(static_cast<double>(call.steps), 1.0);
  const Index most = all > costs::kCallWorthThreads ? threads() : 1;
  if (static_cast<double>(call.batch) >= costs::kRowsOfAThread * static_cast<double>(most)) {
    run_rows(call, space, most);
  } else {
    run_panels(call, space, step > costs::kStepWorthBarriers ? std::min(most, layer_.panels) : 1);
  }
}

template <class T>
void Backwards<T>::run_rows(const Backward<T>& call, const BackwardSpace<T>& space, Index threads) const {
  Team team(threads);
  Rows<T> rows{kernels_, layer_, call, space, team, pieces_of(call, team.size())};
  team.run(team.size(), &Rows<T>::run, &rows);
}

template <class T>
void Backwards<T>::run_panels(const Backward<T>& call, const BackwardSpace<T>& space, Index threads) const {
  const Index sections = call.steps * facts(layer_.cell).phases.size();
  bool stuck = false;
  for (Index now = 0;;) {
    Team team(threads);
    const Index members = stuck ? 1 : std::min(team.size(), threads);
    Panels<T> panels{kernels_, layer_, call, space, team, members, now};
    team.run(members, &Panels<T>::run, &panels);
    stuck = panels.reached == now;
    now = panels.reached;
    if (now >= sections) return;
  }
}

template class Backwards<float>;
template class Backwards<double>;

}  // namespace gatewise
