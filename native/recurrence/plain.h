// Operands as they are: the tiles of vectors read inputs and states where they stand.
//
// A policy of the driver, and the place to see what one offers; pairs.h has the other.
#pragma once

#include "recurrence/prefetch.h"
#include "recurrence/tiles.h"

namespace gatewise::GATEWISE_ISA {

template <class T, class C>
class PlainOperands {
 public:
  static constexpr bool kFolds = folds(facts_of<C>(), kWidth<T>);
  // The equation is applied after some tiles, to so many rows at most.
  static constexpr bool kBeside = false;
  static constexpr int kRowsWaiting = costs::kRowsWaiting;
  static_assert(kRowsWaiting >= GATEWISE_ISA::rows_for(3) && kRowsWaiting <= kMaxRows);

  explicit PlainOperands(const Member<T, C>& member) : m_(member) {}

  // Rows and panels of a tile at most.
  static constexpr int rows_for(int gates) { return GATEWISE_ISA::rows_for(gates); }
  static constexpr int panels_for(int rows, int gates) { return GATEWISE_ISA::panels_for(rows, gates); }

  // Before the first step; before some steps whose inputs are multiplied ahead; and before each step.
  void begin() {}
  void take_inputs(Index /*start*/, Index /*count*/) {}
  void begin_step(Index /*step*/) {}

  // Before each phase, which has so many rows.
  template <class P>
  void begin_phase(Index step, Index rows) {
    if (m_.layer.by_gate) take_factors<P>(step, rows);
  }

  // What a phase multiplies by the recurrent kernel, row after row, and the inputs of one row.
  template <class P>
  const T* source(Index step) const {
    return m_.call.factors != nullptr ? m_.space.factored : m_.field(P::kSource, step);
  }
  Index source_stride() const { return m_.space.stride; }
  const T* input_row(Index row, Index step, Index /*item*/) const { return m_.input(row, step); }

  // What other members wrote of a phase's source. (Inlined, see prefetch.h.)
  template <class P>
  GATEWISE_INLINE void fetch_source(Index step, Index rows) const {
    GATEWISE_ISA::fetch_source(m_, m_.field(P::kSource, step), rows);
  }

  // What comes after a tile: its share of the weights of the panel `next`, and what its equation will touch.
  template <class P>
  GATEWISE_INLINE void fetch(TileCall<T>& tile, const Walk& walk, Index block, Index step, Index row, int height,
                             Group group, Index next) {
    const PackedLayer<T>& layer = m_.layer;
    const PackedPhase<T>& phase = layer.phase[P::kIndex];
    const Index skipped = block * walk.fetch_in_block;
    const Index inputs = tile.inputs * P::kGates * kLanes;
    tile.fetch = {skipped < inputs
                      ? phase.input + next * layer.input_rows * P::kGates * kLanes + skipped
                      : phase.recurrent + next * layer.recurrent_rows * P::kGates * kLanes + (skipped - inputs),
                  walk.fetch_at_once};
    if (m_.division.far) fetch_units<P>(m_, step, row, height, group);
  }

  // The inputs' share of the sums.
  template <class P>
  void project(int height, Group group, const TileCall<T>& tile) {
    in_room<P>(height, group, tile, P::kGates, [&](int panels, bool folded, const TileCall<T>& call) {
      VectorTiles<T>::template tile<P>(height, panels, folded, call);
    });
  }

  // The sums of a tile.
  template <class P, class Advance>
  void multiply(int height, Group group, const TileCall<T>& tile, const Waiting<T>& waiting, Advance /*advance*/) {
    if (m_.layer.by_gate) return multiply_by_gate<P>(height, group, waiting.end, tile);
    in_room<P>(height, group, tile, P::kSums, [&](int panels, bool folded, const TileCall<T>& call) {
      VectorTiles<T>::template tile<P>(height, panels, folded, call);
    });
  }

  // Before the equation is applied to some rows: sums that could not be made.
  template <class P>
  void mend(const Waiting<T>& /*waiting*/, Index /*count*/) const {}

  // After it: new fields of a row's units from `unit` on, and a row that is masked.
  template <class P>
  GATEWISE_INLINE void hand_on(Index /*step*/, Index /*row*/, Index /*unit*/, Index /*lanes*/,
                               const Unit<T, C>& /*made*/) {}
  void keep(Index /*step*/, Index /*row*/, Index /*begin*/, Index /*end*/) {}

 private:
  static constexpr Index kLanes = kWidth<T>;

  // What each gate of a phase has for itself: inputs, and the phase's source. Every member makes its own.
  template <class P>
  void take_factors(Index step, Index rows) {
    if (m_.call.factors != nullptr) {
      const T* const source = m_.field(P::kSource, step);
      take<P>(m_.space.factored, m_.space.stride, m_.call.factors, m_.layer.units, rows,
              [&](Index row) { return source + row * m_.space.stride; });
    }
    if (m_.call.input_factors != nullptr) {
      take<P>(m_.space.factored_inputs, m_.layer.inputs, m_.call.input_factors, m_.layer.inputs, rows,
              [&](Index row) { return m_.input(row, step); });
    }
  }

  // from(row) times the factors (sequences, gates, count), gate by gate.
  template <class P, class From>
  void take(T* to, Index stride, const T* factors, Index count, Index rows, From from) {
    constexpr Index gates = facts_of<C>().gate_count();
    for (Index gate = P::kFacts.first_gate; gate < P::kFacts.first_gate + P::kGates; ++gate) {
      T* next = to;
      to += m_.row_count() * stride;
      for (Index row = 0; row < rows; ++row, next += stride) {
        const T* const plain = from(row);
        const T* const own = factors + (m_.sequence(row) * gates + gate) * count;
        Index k = 0;
        for (; k + kLanes <= count; k += kLanes) store<T>(next + k, load<T>(plain + k) * load<T>(own + k));
        for (; k < count; ++k) next[k] = plain[k] * own[k];
      }
    }
  }

  template <class P>
  void multiply_by_gate(int height, Group group, Index first_row, const TileCall<T>& tile) {
    for (int panel = 0; panel < group.panels; ++panel) {
      for (int gate = 0; gate < P::kGates; ++gate) {
        for (int row = 0; row < height; row += GATEWISE_ISA::rows_for(1)) {
          const auto rows = static_cast<int>(lesser(height - row, GATEWISE_ISA::rows_for(1)));
          multiply_gate<P>(rows, panel, gate, row, first_row + row, tile);
        }
      }
    }
  }

  // The sums of one gate in one panel, for some rows of a tile from `row` on. Where the state's share stays apart, it
  // begins with its bias.
  template <class P>
  void multiply_gate(int rows, int panel, int gate, int row, Index first_row, const TileCall<T>& all) {
    const PackedLayer<T>& layer = m_.layer;
    const bool apart = P::kSums != P::kGates && gate + 1 == P::kGates;
    TileCall<T> tile;
    tile.inputs = layer.input_rows;
    tile.units = apart ? 0 : layer.recurrent_rows;
    tile.input = all.input + (panel * P::kGates + gate) * layer.input_rows * kLanes;
    tile.recurrent = all.recurrent + (panel * P::kGates + gate) * layer.recurrent_rows * kLanes;
    tile.bias = all.bias + (panel * P::kSums + gate) * kLanes;
    tile.start[0] = nullptr;
    tile.fetch = {tile.bias, 0};
    for (int r = 0; r < rows; ++r) {
      tile.x[r] = m_.call.input_factors == nullptr
                      ? all.x[row + r]
                      : m_.space.factored_inputs + (gate * m_.row_count() + first_row + r) * layer.inputs;
      tile.h[r] = all.h[row + r];
      if (m_.call.factors != nullptr) tile.h[r] += gate * m_.row_count() * m_.space.stride;
      tile.out[r] = all.out[row + r] + (panel * P::kSums + gate) * kLanes;
    }
    kTiles<T, 1, 1>.tile[rows - 1][1][0](tile);
    if (!apart) return;
    tile.inputs = layer.recurrent_rows;
    tile.input = tile.recurrent;
    tile.bias += kLanes;
    for (int r = 0; r < rows; ++r) {
      tile.x[r] = tile.h[r];
      tile.out[r] += kLanes;
    }
    kTiles<T, 1, 1>.tile[rows - 1][1][0](tile);
  }

  // Calls `make` for all panels of a group, and once more for the folded one where a tile has no room for it beside the
  // others. `vectors` of a panel are written a row.
  template <class P, class Make>
  GATEWISE_INLINE void in_room(int height, Group group, const TileCall<T>& tile, int vectors, Make make) {
    if (!group.folded || takes_folded(height, group.panels, P::kGates)) {
      return make(group.panels, group.folded, tile);
    }
    make(group.panels, false, tile);
    TileCall<T> rest = tile;
    rest.input += group.panels * m_.layer.input_rows * P::kGates * kLanes;
    rest.recurrent += group.panels * m_.layer.recurrent_rows * P::kGates * kLanes;
    rest.bias += group.panels * P::kSums * kLanes;
    const bool started = tile.start[0] != nullptr;
    for (int r = 0; r < height; ++r) {
      rest.out[r] += group.panels * vectors * kLanes;
      if (started) rest.start[r] += group.panels * P::kGates * kLanes;
    }
    make(0, true, rest);
  }

  const Member<T, C>& m_;
};

}  // namespace gatewise::GATEWISE_ISA
