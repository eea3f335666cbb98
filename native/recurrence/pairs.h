// Operands as pairs of bfloat16 numbers, for tiles of another kind than the vectors' (`Tiles`, see
// kernels/amx_tiles.h). Inputs and states are split into such pairs before they are multiplied.
//
// A policy of the driver; plain.h says what one offers. While its tiles multiply, the vectors are free: between two
// products the equation is applied to some rows of the tile before.
#pragma once

#include "base/each.h"
#include "recurrence/prefetch.h"
#include "recurrence/tiles.h"

namespace gatewise::GATEWISE_ISA {

template <class T, class C, class Tiles>
class PairOperands {
 public:
  static constexpr bool kFolds = false;
  static constexpr bool kBeside = true;
  static constexpr int kRowsWaiting = Tiles::rows_for(3);

  explicit PairOperands(const Member<T, C>& member) : m_(member) {}

  static constexpr int rows_for(int gates) { return Tiles::rows_for(gates); }
  static constexpr int panels_for(int rows, int gates) { return Tiles::panels_for(rows, gates); }

  // Splits the states of this member's rows and units, as they were given.
  void begin() {
    const Index units = m_.panel_count() * kLanes;
    for (Index row = m_.rows.begin; row < m_.rows.end; ++row) {
      for (T* all : m_.space.output_pairs) split_state(all, row, units);
      for (T* all : m_.space.field_pairs) split_state(all, row, units);
    }
  }

  // Splits the inputs of `count` steps.
  void take_inputs(Index start, Index count) {
    Index item = 0;
    for (Index step = start; step < start + count; ++step) {
      const Index rows = m_.rows_at(step);
      for (Index row = 0; row < rows; ++row, ++item) {
        Tiles::split(input_pairs(item), m_.input(row, step), m_.layer.inputs, input_part(), input_part());
      }
    }
  }

  template <class P>
  void begin_phase(Index /*step*/, Index /*rows*/) {}
  void begin_step(Index step) {
    if (!m_.division.ahead) take_inputs(step, 1);
    const Index next = m_.division.ahead || step + 1 == m_.call.steps ? 0 : m_.rows_at(step + 1);
    next_inputs_.begin(m_.rows.begin, m_.rows.begin + next);
  }

  template <class P>
  const T* source(Index step) const {
    return pairs(P::kSource, step);
  }
  Index source_stride() const { return m_.space.pair_stride; }
  const T* input_row(Index /*row*/, Index /*step*/, Index item) const { return input_pairs(item); }

  template <class P>
  GATEWISE_INLINE void fetch_source(Index /*step*/, Index /*rows*/) const {}

  template <class P>
  GATEWISE_INLINE void fetch(TileCall<T>& /*tile*/, const Walk& /*walk*/, Index /*block*/, Index step, Index /*row*/,
                             int height, Group group, Index /*next*/) {
    constexpr auto line = static_cast<Index>(costs::kLine / sizeof(T));
    next_inputs_.fetch(m_, step, (m_.layer.inputs / line + 1) * height * group.panels / m_.panel_count() + 1);
  }

  template <class P>
  void project(int height, Group group, const TileCall<T>& tile) {
    tiles_.template project<P>(height, group.panels, tile);
  }

  // `advance(end)` applies the equation to the rows that wait, up to `end`.
  template <class P, class Advance>
  void multiply(int height, Group group, const TileCall<T>& tile, const Waiting<T>& waiting, Advance advance) {
    const Index first = waiting.row;
    const Index count = waiting.end - first;
    const Index turns = Tiles::turns(tile.inputs + tile.units);
    Index turn = 0;
    auto between = [&] {
      const Index due = first + count * ++turn / turns;
      if (due - waiting.row >= costs::kRowsAtOnce || turn == turns) advance(due);
    };
    tiles_.template tile<P>(height, group.panels, tile, between);
  }

  // Sums that are NaN, of infinities and of numbers too great for the tiles (or rightly so), are made again by vectors.
  template <class P>
  void mend(const Waiting<T>& waiting, Index count) const {
    if constexpr (Tiles::kParts == kFloatParts) {
      T* sums = waiting.sums;
      for (Index row = waiting.row; row < waiting.row + count; ++row) {
        for (int p = 0; p < waiting.group.panels; ++p, sums += P::kSums * kLanes) {
          if (!Tiles::sound(sums, P::kSums)) make_again<P>(sums, waiting.step, row, waiting.group.panel + p);
        }
      }
    }
  }

  template <class P>
  GATEWISE_INLINE void hand_on(Index step, Index row, Index unit, Index lanes, const Unit<T, C>& made) {
    each<kFacts.fields()>([&](auto f) {
      if constexpr (has(P::kFacts.writes, f) && kFacts.is_source(f)) {
        T* const to = pairs(f, step + 1) + row * m_.space.pair_stride + unit / 2;
        Tiles::split(to, Tiles::first(made.fields[f], lanes), state_part());
      }
    });
  }

  void keep(Index step, Index row, Index begin, Index end) {
    const T* old = pairs(kOutput, step) + row * m_.space.pair_stride;
    T* kept = pairs(kOutput, step + 1) + row * m_.space.pair_stride;
    for (int part = 0; part < Tiles::kParts; ++part, old += state_part(), kept += state_part()) {
      for (Index pair = begin / 2; pair < end / 2; ++pair) kept[pair] = old[pair];
    }
  }

 private:
  static constexpr CellFacts kFacts = facts_of<C>();
  static constexpr Index kLanes = kWidth<T>;

  // Lanes from one part of a state, and of an input, to the next.
  Index state_part() const { return m_.layer.recurrent_rows / Tiles::kParts; }
  Index input_part() const { return m_.layer.input_rows / Tiles::kParts; }

  T* pairs(int which, Index step) const {
    return which == kOutput ? m_.space.output_pairs[step & 1] : m_.space.field_pairs[which];
  }

  // The inputs of a row of a step: those of a chunk are counted as they come.
  T* input_pairs(Index item) const { return m_.space.inputs + item * m_.space.input_stride; }

  void split_state(T* all, Index row, Index units) {
    if (all == nullptr) return;
    T* to = all + row * m_.space.pair_stride;
    const Index first = m_.first_unit();
    Tiles::split(to + first / 2, m_.state(kOutput, m_.first_step(row), row) + first, units, units / 2, state_part());
    if (m_.panels.end != m_.layer.panels) return;
    for (int part = 0; part < Tiles::kParts; ++part) {
      for (Index u = m_.layer.padded() / 2; u < state_part(); ++u) to[part * state_part() + u] = T(0);
    }
  }

  template <class P>
  [[gnu::noinline]] void make_again(T* sums, Index step, Index row, Index panel) const {
    TileCall<T> tile = tile_of<P>(*m_.layer.exact, panel);
    tile.x[0] = m_.input(row, step);
    tile.h[0] = m_.field(P::kSource, step) + row * m_.space.stride;
    tile.out[0] = sums;
    VectorTiles<T>::template tile<P>(1, 1, false, tile);
  }

  const Member<T, C>& m_;
  InputPrefetch<T, C> next_inputs_;
  Tiles tiles_;
};

}  // namespace gatewise::GATEWISE_ISA
