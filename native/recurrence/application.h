// The cell's equation, applied to the sums of a tile: to whole vectors of units, to the folded ones of four sequences
// in one vector, and past rows that are masked.
#pragma once

#include "base/each.h"
#include "recurrence/tiles.h"

namespace gatewise::GATEWISE_ISA {

template <class T, class C, class Act, class Gate, class Operands, bool kReserves>
class Application {
 public:
  Application(const Member<T, C>& member, Operands& operands)
      : m_(member), operands_(operands), act_(member.layer.activation), gate_(member.layer.recurrent_activation) {}

  // For the sums of some rows of a tile. The folded panel comes first: its few vectors wait longest for themselves, and
  // the others fill the time.
  template <class P>
  void apply(const T* sums, Index step, Index first, int height, Group group) {
    if (m_.call.mask != nullptr) return apply_masked<P>(sums, step, first, height, group);
    if constexpr (kFolds) {
      if (group.folded) {
        Index rows[kMaxRows];
        for (int r = 0; r < height; ++r) rows[r] = first + r;
        apply_folded<P>(sums, step, first, rows, height, group);
      }
    }
    const Index begin = group.panel * kLanes;
    const Index end = begin + group.panels * kLanes;
    const Index past_folded = group.folded ? Group::template folded_vectors<P>() * kLanes : 0;
    const auto next = [&](Place at) {
      const T* const after = at.sums + P::kSums * kLanes;
      return at.unit + kLanes == end ? Place{at.row + 1, begin, after + past_folded}
                                     : Place{at.row, at.unit + kLanes, after};
    };
    Place places[costs::kTogether] = {{first, begin, sums}};
    int left = height * group.panels;
    for (; left >= costs::kTogether; left -= costs::kTogether) {
      for (int i = 1; i < costs::kTogether; ++i) places[i] = next(places[i - 1]);
      apply_to<P>(step, places);
      places[0] = next(places[costs::kTogether - 1]);
    }
    for (; left != 0; --left) {
      const Place place[] = {places[0]};
      apply_to<P>(step, place);
      places[0] = next(places[0]);
    }
  }

 private:
  static constexpr CellFacts kFacts = facts_of<C>();
  static constexpr Index kLanes = kWidth<T>;
  static constexpr bool kFolds = Operands::kFolds && !kReserves;

  // A vector of units in one row, the first of them, and its sums.
  struct Place {
    Index row;
    Index unit;
    const T* sums;
  };

  template <class P>
  void apply_masked(const T* sums, Index step, Index first, int height, Group group) {
    Index rows[kMaxRows];
    int count = 0;
    for (Index row = first; row < first + height; ++row) {
      const T* own = sums + (row - first) * group.template vectors<P>() * kLanes;
      const bool skipped = m_.masked(row, step);
      if (skipped && P::kWritesOutput) keep(step, row, group.panel, group.panels + (group.folded ? 1 : 0));
      if (skipped) continue;
      rows[count++] = row;
      for (int p = 0; p < group.panels; ++p, own += P::kSums * kLanes) {
        const Place place[] = {{row, (group.panel + p) * kLanes, own}};
        apply_to<P>(step, place);
      }
    }
    if constexpr (kFolds) {
      if (group.folded) apply_folded<P>(sums, step, first, rows, count, group);
    }
  }

  // The equation for some vectors together.
  template <class P, int kMany>
  GATEWISE_INLINE void apply_to(Index step, const Place (&places)[kMany]) {
    Vec<T> z[kMany][P::kSums];
    Unit<T, C> units[kMany];
#pragma GCC unroll 4
    for (int i = 0; i < kMany; ++i) {
#pragma GCC unroll 4
      for (int s = 0; s < P::kSums; ++s) z[i][s] = load<T>(places[i].sums + s * kLanes);
      const Index at = places[i].row * m_.space.stride + places[i].unit;
      each<kFacts.fields()>([&](auto f) {
        if constexpr (has(P::kFacts.reads, f)) units[i].fields[f] = load<T>(m_.field(f, step) + at);
      });
      load_weights(units[i], places[i].unit);
    }
    P::template forward<T>(z, units, act_, gate_);
#pragma GCC unroll 4
    for (int i = 0; i < kMany; ++i) {
      const Index row = places[i].row;
      const Index unit = places[i].unit;
      const Index at = row * m_.space.stride + unit;
      each<kFacts.fields()>([&](auto f) {
        if constexpr (has(P::kFacts.writes, f)) store<T>(m_.new_field(f, step) + at, units[i].fields[f]);
      });
      const Index lanes = lesser(m_.layer.units - unit, kLanes);
      operands_.template hand_on<P>(step, row, unit, lanes, units[i]);
      if constexpr (P::kWritesOutput) {
        if (T* const y = m_.output(step, row)) put(y + unit, units[i].fields[kOutput], lanes);
      }
      if constexpr (kReserves) reserve<P>(m_.reserve(step, row) + unit, z[i], units[i]);
    }
  }

  // Keeps a phase's gates and the states that it made.
  template <class P>
  GATEWISE_INLINE void reserve(T* to, const Vec<T> (&z)[P::kSums], const Unit<T, C>& made) {
    const Index size = reserve_units<T>(m_.layer.units);
#pragma GCC unroll 4
    for (int s = 0; s < P::kSums; ++s) store<T>(to + (kFacts.sums_before(P::kIndex) + s) * size, z[s]);
    each<kFacts.states.size()>([&](auto f) {
      if constexpr (has(P::kFacts.writes, f)) store<T>(to + (kFacts.sums() + f) * size, made.fields[f]);
    });
  }

  GATEWISE_INLINE void load_weights(Unit<T, C>& unit, Index first) const {
    each<kFacts.unit_rows()>([&](auto row) { unit.weights[row] = load<T>(m_.unit_weights(first, row)); });
  }

  GATEWISE_INLINE static void put(T* to, Vec<T> v, Index lanes) {
    if (lanes == kLanes) {
      store<T>(to, v);
    } else {
      store_some<T>(to, v, lanes);
    }
  }

  // The folded panel of the `rows`, kFold of them to a vector. `sums` are those of row `first` on.
  template <class P>
  void apply_folded(const T* sums, Index step, Index first, const Index* rows, int count, Group group) {
    const Index size = group.template vectors<P>() * kLanes;
    sums += group.panels * P::kSums * kLanes;
    for (int i = 0; i < count; i += kFold) {
      apply_to_folded<P>(sums, size, step, first, rows + i, static_cast<int>(lesser(count - i, kFold)));
    }
  }

  // Where a sum of a folded vector lies: its gates in order, the input's share of the last in the second vector.
  template <class P>
  static constexpr Index folded_place(int sum) {
    if (P::kSums != P::kGates && sum == P::kGates - 1) return kLanes + sum * kLanes / kFold;
    return (sum < P::kGates ? sum : sum - 1) * kLanes / kFold;
  }

  // The equation for the folded units of up to kFold rows, in one vector. (Fewer rows: the first again.)
  template <class P>
  GATEWISE_INLINE void apply_to_folded(const T* sums, Index size, Index step, Index first, const Index* rows,
                                       int count) {
    static_assert(P::kWritesOutput, "folded cells have one phase");
    const Index begin = m_.whole * kLanes;
    const T* from[P::kSums][kFold];
    Index at[kFold];
#pragma GCC unroll 4
    for (int i = 0; i < kFold; ++i) {
      const Index row = rows[i < count ? i : 0];
      at[i] = row * m_.space.stride + begin;
#pragma GCC unroll 4
      for (int s = 0; s < P::kSums; ++s) from[s][i] = sums + (row - first) * size + folded_place<P>(s);
    }
    Vec<T> z[1][P::kSums];
    Unit<T, C> units[1];
#pragma GCC unroll 4
    for (int s = 0; s < P::kSums; ++s) z[0][s] = load_quarters<T>(from[s]);
    each<kFacts.fields()>([&](auto f) {
      if constexpr (has(P::kFacts.reads, f)) {
        const T* const all = m_.field(f, step);
        const T* const places[] = {all + at[0], all + at[1], all + at[2], all + at[3]};
        units[0].fields[f] = load_quarters<T>(places);
      }
    });
    load_weights(units[0], begin);
    P::template forward<T>(z, units, act_, gate_);
    each<kFacts.fields()>([&](auto f) {
      if constexpr (has(P::kFacts.writes, f)) {
        T* const all = m_.new_field(f, step);
        T* const places[] = {all + at[0], all + at[1], all + at[2], all + at[3]};
        store_quarters<T>(places, units[0].fields[f], count);
      }
    });
    for (int i = 0; i < count; ++i) {
      T* const y = m_.output(step, rows[i]);
      if (y == nullptr) continue;
      const T* const made = m_.state(kOutput, step + 1, rows[i]);
      for (Index u = begin; u < m_.layer.units; ++u) y[u] = made[u];
    }
  }

  // A masked step: the state goes through, the output is the last one (zeros before the first, or zeros always).
  void keep(Index step, Index row, Index panel, int panels) {
    const Index begin = panel * kLanes;
    const Index end = begin + panels * kLanes;
    const T* const old = m_.state(kOutput, step, row);
    T* const kept = m_.state(kOutput, step + 1, row);
    for (Index u = begin; u < end; ++u) kept[u] = old[u];
    operands_.keep(step, row, begin, end);
    if constexpr (kReserves) keep_reserve(step, row, begin, end);
    T* y = m_.output(step, row);
    const bool zero = m_.call.zero_masked || (m_.call.sequences && step == 0);
    if (!zero && !m_.call.sequences) return;
    for (Index u = begin; u < lesser(end, m_.layer.units); ++u) y[u] = zero ? T(0) : y[u - m_.layer.units];
  }

  // Of a masked step: gates that are shut, and the states that go through.
  void keep_reserve(Index step, Index row, Index begin, Index end) {
    T* to = m_.reserve(step, row);
    for (int s = 0; s < kFacts.sums(); ++s, to += reserve_units<T>(m_.layer.units)) {
      for (Index u = begin; u < end; ++u) to[u] = T(0);
    }
    for (int f = 0; f < kFacts.states.size(); ++f, to += reserve_units<T>(m_.layer.units)) {
      const T* const state = m_.state(f, step + 1, row);
      for (Index u = begin; u < end; ++u) to[u] = state[u];
    }
  }

  const Member<T, C>& m_;
  Operands& operands_;
  const Act act_;
  const Gate gate_;
};

// The equation of each phase with its activations. The driver calls it by address: there is one driver for all of them.
template <class T, class C, class Operands>
struct Equations {
  using Apply = void (*)(const Member<T, C>&, Operands&, const Waiting<T>&, Index count);
  Apply apply[facts_of<C>().phases.size()];
};

template <class T, class C, class Operands, class Act, class Gate, bool kReserves, int kPhase>
void apply_equation(const Member<T, C>& member, Operands& operands, const Waiting<T>& waiting, Index count) {
  Application<T, C, Act, Gate, Operands, kReserves>(member, operands)
      .template apply<CellPhase<C, kPhase>>(waiting.sums, waiting.step, waiting.row, static_cast<int>(count),
                                            waiting.group);
}

template <class T, class C, class Operands, class Act, class Gate, bool kReserves>
constexpr Equations<T, C, Operands> equations_of() {
  Equations<T, C, Operands> all{};
  each<facts_of<C>().phases.size()>(
      [&](auto i) { all.apply[i] = &apply_equation<T, C, Operands, Act, Gate, kReserves, decltype(i)::value>; });
  return all;
}

}  // namespace gatewise::GATEWISE_ISA
