// The way back in time, the same for every cell: the cell's backward equation, then its sums' gradients times the
// recurrent kernel turned round, by the tiles of one gate.
#pragma once

#include "base/each.h"
#include "kernels/activations.h"
#include "kernels/tile.h"
#include "recurrence/backward.h"
#include "recurrence/member.h"
#include "threads/team.h"

namespace gatewise::GATEWISE_ISA {

template <class T, class C, class Act, class Gate>
class BackwardDriver {
 public:
  explicit BackwardDriver(const BackwardPart<T>& part)
      : p_(part), call_(part.call), layer_(part.layer), act_(layer_.activation), gate_(layer_.recurrent_activation) {}

  // Members meet after the equation of each section, and their products belong to the section after it: so a team that
  // leaves off there can be followed by one that is divided otherwise. They meet before they begin, too: a member that
  // has no processor is then left out, and its share must not be missing from what the others have done.
  Index run() {
    const Index sections = call_.steps * kPhases;
    Index now = p_.from;
    bool on = !p_.meets || p_.team.barrier(p_.member);
    if (!on) return now;
    if (now == 0) begin();
    while (on && now < sections) {
      if (now != 0) multiply(now - 1);
      apply(now++);
      if (p_.meets) on = p_.team.barrier(p_.member);
    }
    if (now < sections) return now;
    if (sections != 0) multiply(sections - 1);
    end();
    return now;
  }

 private:
  static constexpr CellFacts kFacts = facts_of<C>();
  static constexpr int kPhases = kFacts.phases.size();
  static constexpr int kStates = kFacts.states.size();
  static constexpr int kSums = kFacts.sums();
  static constexpr Index kLanes = kWidth<T>;

  // The last section is the first phase of the first step.
  Index step_of(Index section) const { return call_.steps - 1 - section / kPhases; }
  static int phase_of(Index section) { return kPhases - 1 - static_cast<int>(section % kPhases); }

  T* gradient(int field, Index row) const { return p_.space.fields[field] + row * p_.space.stride; }

  Index sequence(Index row) const { return sequence_of(call_.lengths, row); }
  Index first_step(Index row) const { return GATEWISE_ISA::first_step(call_.lengths, row, call_.steps); }
  Index end_of_steps(Index row) const { return GATEWISE_ISA::end_of_steps(call_.lengths, row, call_.steps); }

  // The end of the rows that have a step.
  Index end_row(Index step) const { return end_of_rows(call_.lengths, p_.first_row, p_.end_row, step, call_.steps); }

  T* dz(Index row, Index step) const { return call_.dz + (sequence(row) * call_.steps + step) * kSums * layer_.units; }

  const T* reserve(Index row, Index step) const {
    return call_.reserve + (sequence(row) * call_.steps + step) * (kSums + kStates) * reserve_units<T>(layer_.units);
  }

  bool masked(Index row, Index step) const {
    if (call_.mask == nullptr) return false;
    return call_.mask[row * call_.steps + (call_.go_backwards ? call_.steps - 1 - step : step)] == 0;
  }

  Index lanes_at(Index unit) const { return lesser(layer_.units - unit, kLanes); }

  // Calls `f(first unit, lanes)` for each vector of this member's units.
  template <class F>
  GATEWISE_INLINE void each_vector(F f) const {
    for (Index panel = p_.first_panel; panel < p_.end_panel; ++panel) f(panel * kLanes, lanes_at(panel * kLanes));
  }

  GATEWISE_INLINE static Vec<T> take(const T* from, Index lanes) {
    return lanes == kLanes ? load<T>(from) : load_some<T>(from, lanes);
  }
  GATEWISE_INLINE static void put(T* to, Vec<T> v, Index lanes) {
    if (lanes == kLanes) return store<T>(to, v);
    store_some<T>(to, v, lanes);
  }

  // The gradients of the final states, and of a last output.
  void begin() const {
    for (Index row = p_.first_row; row < p_.end_row; ++row) {
      const Index before = sequence(row) * layer_.units;
      each_vector([&](Index unit, Index lanes) {
        for (int f = 0; f < kFacts.fields(); ++f) {
          const T* const last = f < kStates ? call_.d_last[f] : nullptr;
          store<T>(gradient(f, row) + unit, last != nullptr ? take(last + before + unit, lanes) : Vec<T>{});
        }
        if (p_.space.repeated == nullptr) return;
        store<T>(p_.space.repeated + row * p_.space.stride + unit,
                 call_.sequences ? Vec<T>{} : take(call_.dy + before + unit, lanes));
      });
      for (Index step = call_.steps; --step >= end_of_steps(row);) {
        each_vector([&](Index unit, Index lanes) { repeat(row, step, unit, lanes); });
      }
      if (call_.fills) fill(row);
      if (call_.sequences || p_.space.repeated != nullptr) continue;
      each_vector([&](Index unit, Index lanes) {
        T* const dh = gradient(kOutput, row) + unit;
        store<T>(dh, load<T>(dh) + take(call_.dy + before + unit, lanes));
      });
    }
  }

  void end() const {
    for (int f = 0; f < kStates; ++f) {
      for (Index row = p_.first_row; row < p_.end_row; ++row) {
        each_vector([&](Index unit, Index lanes) {
          put(call_.d_initial[f] + sequence(row) * layer_.units + unit, load<T>(gradient(f, row) + unit), lanes);
        });
      }
    }
  }

  void apply(Index section) const {
    const Index step = step_of(section);
    each<kPhases>([&](auto phase) {
      if (phase_of(section) != phase) return;
      const Index end = end_row(step);
      for (Index row = p_.first_row; row < end; ++row) {
        if (masked(row, step)) {
          skip<phase>(row, step);
        } else {
          each_vector([&](Index unit, Index lanes) { apply_to<phase>(row, step, unit, lanes); });
        }
      }
    });
  }

  // A masked step leaves the states as they are, and its output is the one before, or zeros.
  template <int kPhase>
  void skip(Index row, Index step) const {
    constexpr PhaseFacts facts = kFacts.phases[kPhase];
    each_vector([&](Index unit, Index lanes) {
      for (int s = 0; s < facts.sums; ++s) {
        put(dz(row, step) + (kFacts.sums_before(kPhase) + s) * layer_.units + unit, Vec<T>{}, lanes);
      }
      if (kPhase + 1 == kPhases) repeat(row, step, unit, lanes);
    });
  }

  // What the output of a step that is left out adds to the gradient of the one before.
  GATEWISE_INLINE void repeat(Index row, Index step, Index unit, Index lanes) const {
    T* const repeated = p_.space.repeated + row * p_.space.stride + unit;
    if (call_.zero_masked) {
      store<T>(repeated, Vec<T>{});
    } else if (call_.sequences) {
      store<T>(repeated, load<T>(repeated) + take(output_gradient(row, step) + unit, lanes));
    }
  }

  // Padding's sums have no gradients.
  void fill(Index row) const {
    for (Index step = 0; step < call_.steps; ++step) {
      if (step >= first_step(row) && step < end_of_steps(row)) continue;
      each_vector([&](Index unit, Index lanes) {
        for (int s = 0; s < kSums; ++s) put(dz(row, step) + s * layer_.units + unit, Vec<T>{}, lanes);
      });
    }
  }

  const T* output_gradient(Index row, Index step) const {
    return call_.dy + (sequence(row) * call_.steps + step) * layer_.units;
  }

  // What the output of a step adds to the gradient of the state: its own, and those of the steps that repeat it.
  GATEWISE_INLINE Vec<T> of_output(Index row, Index step, Index unit, Index lanes) const {
    Vec<T> sum{};
    if (call_.sequences) sum = take(output_gradient(row, step) + unit, lanes);
    if (p_.space.repeated == nullptr) return sum;
    T* const repeated = p_.space.repeated + row * p_.space.stride + unit;
    sum = sum + load<T>(repeated);
    store<T>(repeated, Vec<T>{});
    return sum;
  }

  template <int kPhase>
  GATEWISE_INLINE void apply_to(Index row, Index step, Index unit, Index lanes) const {
    constexpr PhaseFacts facts = kFacts.phases[kPhase];
    const Index size = reserve_units<T>(layer_.units);
    const T* const kept = reserve(row, step) + unit;
    Vec<T> z[kSums];
#pragma GCC unroll 8
    for (int s = 0; s < kSums; ++s) z[s] = load<T>(kept + s * size);
    Unit<T, C> before;
    Unit<T, C> after;
    Unit<T, C> d;
    each<kFacts.fields()>([&](auto f) {
      d.fields[f] = load<T>(gradient(f, row) + unit);
      before.fields[f] = after.fields[f] = Vec<T>{};
      if constexpr (f < kStates) {
        after.fields[f] = load<T>(kept + (kSums + f) * size);
        before.fields[f] = state_before(f, row, step, unit, lanes);
      }
    });
    each<kFacts.unit_rows()>(
        [&](auto r) { after.weights[r] = load<T>(layer_.unit_weights + unit * kFacts.unit_rows() + r * kLanes); });
    if constexpr (kPhase + 1 == kPhases) {
      d.fields[kOutput] = d.fields[kOutput] + of_output(row, step, unit, lanes);
    }
    Vec<T> sums[facts.sums];
    Equation<C, kPhase>::template backward<T>(z, before, after, d, sums, act_, gate_);
    T* const to = dz(row, step) + kFacts.sums_before(kPhase) * layer_.units + unit;
#pragma GCC unroll 4
    for (int s = 0; s < facts.sums; ++s) put(to + s * layer_.units, sums[s], lanes);
    each<kFacts.fields()>([&](auto f) { store<T>(gradient(f, row) + unit, d.fields[f]); });
  }

  GATEWISE_INLINE Vec<T> state_before(int f, Index row, Index step, Index unit, Index lanes) const {
    if (step != first_step(row))
      return load<T>(reserve(row, step - 1) + (kSums + f) * reserve_units<T>(layer_.units) + unit);
    const T* const initial = call_.initial[f];
    return initial != nullptr ? take(initial + sequence(row) * layer_.units + unit, lanes) : Vec<T>{};
  }

  void multiply(Index section) const {
    const Index step = step_of(section);
    each<kPhases>([&](auto phase) {
      if (phase_of(section) == phase) multiply_phase<phase>(step);
    });
  }

  // Adds the product to the gradients of the phase's source, in place.
  template <int kPhase>
  void multiply_phase(Index step) const {
    if constexpr (!kFacts.multiplies()) return;
    constexpr PhaseFacts facts = kFacts.phases[kPhase];
    if (call_.factors != nullptr) return multiply_by_gate<kPhase>(step);
    constexpr bool kApart = facts.sums != facts.gates;
    const Index units = layer_.units;
    const Blocks blocks(end_row(step) - p_.first_row, rows_for(1));
    if (blocks.size() == 0) return;
    const Groups groups({p_.first_panel, p_.end_panel}, p_.end_panel, panels_for(blocks.most(), 1));
    TileCall<T> tile;
    tile.inputs = (kApart ? facts.gates - 1 : facts.gates) * units;
    tile.units = kApart ? units : 0;
    for (Index i = 0; i < groups.count; ++i) {
      const Group group = groups.at(i);
      tile.input = layer_.joined[kPhase] + group.panel * tile.inputs * kLanes;
      tile.recurrent = kApart ? layer_.apart[kPhase] + group.panel * tile.units * kLanes : nullptr;
      tile.bias = nullptr;
      tile.fetch = {tile.input, 0};
      for (Index block = 0; block < blocks.size(); ++block) {
        const int height = blocks.rows(block);
        for (int r = 0; r < height; ++r) {
          const Index row = p_.first_row + blocks.begin(block) + r;
          tile.x[r] = dz(row, step) + kFacts.sums_before(kPhase) * units;
          tile.h[r] = tile.x[r] + (facts.sums - 1) * units;
          tile.out[r] = gradient(facts.source, row) + group.panel * kLanes;
          tile.start[r] = tile.out[r];
        }
        kTiles<T, 1, 1>.tile[height - 1][group.panels][0](tile);
      }
    }
  }

  // The same where each gate's product has factors of its own.
  template <int kPhase>
  void multiply_by_gate(Index step) const {
    const Blocks blocks(end_row(step) - p_.first_row, rows_for(1));
    for (Index block = 0; block < blocks.size(); ++block) {
      const Index row = p_.first_row + blocks.begin(block);
      for (Index panel = p_.first_panel; panel < p_.end_panel; ++panel) {
        for (int gate = 0; gate < kFacts.phases[kPhase].gates; ++gate) {
          add_gate<kPhase>(step, row, blocks.rows(block), panel, gate);
        }
      }
    }
  }

  template <int kPhase>
  void add_gate(Index step, Index row, int height, Index panel, int gate) const {
    constexpr PhaseFacts facts = kFacts.phases[kPhase];
    constexpr int joined = facts.sums != facts.gates ? facts.gates - 1 : facts.gates;
    const Index units = layer_.units;
    const bool apart = gate == joined;
    alignas(kBytes) const T zeros[kLanes] = {};
    alignas(kBytes) T products[kMaxRows][kLanes];
    TileCall<T> tile;
    tile.input = apart ? layer_.apart[kPhase] + panel * units * kLanes
                       : layer_.joined[kPhase] + (panel * joined + gate) * units * kLanes;
    tile.recurrent = nullptr;
    tile.inputs = units;
    tile.units = 0;
    tile.bias = zeros;
    tile.start[0] = nullptr;
    tile.fetch = {tile.input, 0};
    for (int r = 0; r < height; ++r) {
      tile.x[r] = dz(row + r, step) + (kFacts.sums_before(kPhase) + (apart ? facts.sums - 1 : gate)) * units;
      tile.out[r] = products[r];
    }
    kTiles<T, 1, 1>.tile[height - 1][1][0](tile);
    const Index unit = panel * kLanes;
    for (int r = 0; r < height; ++r) {
      const T* const factors =
          call_.factors + (sequence(row + r) * kFacts.gate_count() + facts.first_gate + gate) * units;
      T* const to = gradient(facts.source, row + r) + unit;
      store<T>(to, fma(take(factors + unit, lanes_at(unit)), load<T>(products[r]), load<T>(to)));
    }
  }

  const BackwardPart<T>& p_;
  const Backward<T>& call_;
  const PackedBackward<T>& layer_;
  const Act act_;
  const Gate gate_;
};

template <class T>
Index run_backward(const BackwardPart<T>& part) {
  Index section = 0;
  with_cell(part.layer.cell, [&](auto cell) {
    using C = decltype(cell);
    if constexpr (facts_of<C>().goes_back && has_type<T>(facts_of<C>())) {
      if constexpr (sizeof(T) == sizeof(float) && facts_of<C>().multiplies()) {
        if (part.layer.activation == Activation::tanh && part.layer.recurrent_activation == Activation::sigmoid) {
          section = BackwardDriver<T, C, Fixed<T, Activation::tanh>, Fixed<T, Activation::sigmoid>>(part).run();
          return;
        }
      }
      section = BackwardDriver<T, C, Chosen<T>, Chosen<T>>(part).run();
    }
  });
  return section;
}

}  // namespace gatewise::GATEWISE_ISA
