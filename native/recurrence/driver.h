// The time loop, the same for every cell: products by tiles, then the cell's equation, panel by panel.
#pragma once

#include <type_traits>

#include "base/each.h"
#include "cells/unit.h"
#include "kernels/activations.h"
#include "kernels/tile.h"
#include "recurrence/engine.h"
#include "recurrence/walk.h"
#include "threads/team.h"

namespace gatewise::GATEWISE_ISA {

// The working memory as `member` sees it. Members that divide the units share the states' rows.
template <class T>
Workspace<T> memory_of(Index member, bool split_units, Workspace<T> space) {
  space.inputs += member * space.inputs_size;
  space.ahead += member * space.ahead_size;
  if (split_units) return space;
  const auto move = [&](T*& memory) {
    if (memory != nullptr) memory += member * space.apart;
  };
  for (T*& numbers : space.output) move(numbers);
  for (T*& numbers : space.fields) move(numbers);
  for (T*& pairs : space.output_pairs) move(pairs);
  for (T*& pairs : space.field_pairs) move(pairs);
  return space;
}

// A phase of the cell C: its facts as constants, beside its equation.
template <class C, int kPhase>
struct CellPhase : Equation<C, kPhase> {
  static constexpr PhaseFacts kFacts = facts_of<C>().phases[kPhase];
  static constexpr int kIndex = kPhase;
  static constexpr int kGates = kFacts.gates;
  static constexpr int kSums = kFacts.sums;
  static constexpr int kSource = kFacts.source;
  static constexpr bool kWritesOutput = has(kFacts.writes, kOutput);
  // What is multiplied while it is written stands in two places; only the output does.
  static_assert(kSource == kOutput || !has(kFacts.writes, kSource));
};

template <class T, class C, class Act, class Gate, class Tiles>
class Driver {
 public:
  Driver(const PackedLayer<T>& layer, const Sequence<T>& call, const Division& division, const Workspace<T>& space,
         Team& team, Index member, Act act, Gate gate)
      : layer_(layer),
        call_(call),
        division_(division),
        space_(memory_of(member, division.split_units, space)),
        team_(team),
        member_(member),
        act_(act),
        gate_(gate),
        rows_(division.split_units ? Share{0, call.batch} : share(call.batch, member, division.threads)),
        panels_(division.split_units ? share(layer.panels, member, division.threads) : Share{0, layer.panels}),
        whole_(lesser(panels_.end, layer.whole_panels())) {
    each<kPhases>([&](auto i) { walks_[i] = walk_of<At<i>>(); });
  }

  void run() {
    load_states();
    if constexpr (kInPairs) split_states();
    wait();
    for (Index start = 0; start < call_.steps; start += division_.chunk) {
      const Index left = call_.steps - start;
      const Index count = left < division_.chunk ? left : division_.chunk;
      if (division_.ahead) look_ahead(start, count);
      for (Index i = 0; i < count; ++i) step(start + i, i);
    }
    store_states();
  }

 private:
  static constexpr CellFacts kFacts = facts_of<C>();
  static constexpr int kPhases = kFacts.phases.size();
  static constexpr int kUnitRows = kFacts.unit_rows();

  template <int kPhase>
  using At = CellPhase<C, kPhase>;

  static constexpr Index kLanes = kWidth<T>;
  static constexpr Index kLine = costs::kLine / sizeof(T);  // of the caches
  static constexpr bool kInPairs = Tiles::kParts != 0;
  static constexpr bool kFolds = !kInPairs && folds(kFacts, kLanes);

  void wait() {
    if (division_.split_units && division_.threads > 1) team_.barrier(member_);
  }

  Index time(Index step) const { return call_.go_backwards ? call_.steps - 1 - step : step; }

  bool masked(Index row, Index t) const {
    return call_.mask != nullptr && call_.mask[row * call_.mask_batch + t * call_.mask_time] == 0;
  }

  Index first_unit() const { return panels_.begin * kLanes; }

  Index end_unit() const {
    const Index end = panels_.end * kLanes;
    return end < layer_.units ? end : layer_.units;
  }

  // A field as `step` finds it.
  T* field(int which, Index step) const { return which == kOutput ? space_.output[step & 1] : space_.fields[which]; }

  // The same as `step` leaves it.
  T* new_field(int which, Index step) const { return field(which, step + 1); }

  T* pairs(int which, Index step) const {
    return which == kOutput ? space_.output_pairs[step & 1] : space_.field_pairs[which];
  }

  T* state(int which, Index step, Index row) const { return field(which, step) + row * space_.stride; }

  void load_states() {
    for (int which = 0; which < layer_.states; ++which) {
      const T* from = call_.initial[which];
      for (Index row = rows_.begin; row < rows_.end; ++row) {
        T* to = state(which, 0, row);
        Index u = first_unit();
        if (from != nullptr && call_.initial_unit[which] == 1) {
          const T* start = from + row * call_.initial_batch[which];
          for (; u + kLanes <= layer_.units && u < panels_.end * kLanes; u += kLanes)
            store<T>(to + u, load<T>(start + u));
        }
        for (; u < panels_.end * kLanes; ++u) {
          const bool there = from != nullptr && u < layer_.units;
          to[u] = there ? from[row * call_.initial_batch[which] + u * call_.initial_unit[which]] : T(0);
        }
      }
    }
    if (call_.sequences || call_.mask == nullptr || call_.steps == 0) return;
    for (Index row = rows_.begin; row < rows_.end; ++row) {
      for (Index u = first_unit(); u < end_unit(); ++u) call_.y[row * layer_.units + u] = T(0);
    }
  }

  void store_states() {
    for (int which = 0; which < layer_.states; ++which) {
      if (call_.last[which] != nullptr) copy_state(which, call_.last[which]);
    }
    const bool written = call_.sequences || (call_.mask != nullptr && call_.steps != 0);
    if (!written) copy_state(kOutput, call_.y);
  }

  void copy_state(int which, T* to) const {
    for (Index row = rows_.begin; row < rows_.end; ++row) {
      const T* from = state(which, call_.steps, row);
      Index u = first_unit();
      for (; u + kLanes <= end_unit(); u += kLanes) store<T>(to + row * layer_.units + u, load<T>(from + u));
      for (; u < end_unit(); ++u) to[row * layer_.units + u] = from[u];
    }
  }

  // Numbers of one row's partial sums in the memory of look_ahead.
  static constexpr Index kAheadGates = kFacts.gate_count();

  T* ahead_row(Index row, Index offset) const {
    const Index panels = panels_.end - panels_.begin;
    return space_.ahead + (row * kAheadGates + offset) * panels * kLanes;
  }

  // Multiplies the inputs of `count` steps, all rows of them, by the kernel.
  void look_ahead(Index start, Index count) {
    if constexpr (kInPairs) split_inputs(start, count);
    each<kPhases>([&](auto i) { look_ahead_phase<At<i>>(layer_.phase[i], start, count); });
  }

  template <class P>
  void look_ahead_phase(const PackedPhase<T>& phase, Index start, Index count) {
    const Index rows = rows_.end - rows_.begin;
    const Blocks blocks(count * rows, Tiles::rows_for(P::kGates));
    if (blocks.size() == 0) return;
    const Groups groups = groups_of<P>(blocks);
    for (Index i = 0; i < groups.count; ++i) {
      const Group group = groups.at(i);
      TileCall<T> tile = tile_of<P>(layer_, phase, group.panel);
      Index step = 0;
      Index row = 0;
      for (Index block = 0; block < blocks.size(); ++block) {
        const int height = blocks.rows(block);
        for (int r = 0; r < height; ++r) {
          tile.x[r] = input_row(rows_.begin + row, start + step, step);
          tile.out[r] =
              ahead_row(step * rows + row, P::kFacts.first_gate) + (group.panel - panels_.begin) * P::kGates * kLanes;
          if (++row == rows) {
            row = 0;
            ++step;
          }
        }
        if constexpr (kInPairs) {
          tiles_.template project<P>(height, group.panels, tile);
        } else {
          in_room<P>(height, group, tile, P::kGates, [&](int panels, bool folded, const TileCall<T>& call) {
            tiles_.template project<P>(height, panels, folded, call);
          });
        }
      }
    }
  }

  // Where the tiles find the inputs of one row: where the caller has them, or among the pairs of this chunk.
  const T* input_row(Index row, Index step, Index in_chunk) const {
    if constexpr (kInPairs) {
      return space_.inputs + (in_chunk * (rows_.end - rows_.begin) + row - rows_.begin) * space_.input_stride;
    }
    return given_row(row, step);
  }

  const T* given_row(Index row, Index step) const { return call_.x + row * call_.x_batch + time(step) * call_.x_time; }

  // What a phase multiplies by the recurrent kernel.
  template <class P>
  const T* source(Index step) const {
    return kInPairs ? pairs(P::kSource, step) : field(P::kSource, step);
  }

  // Lanes from one part of a state, and of an input, to the next.
  Index state_part() const { return layer_.recurrent_rows / Tiles::kParts; }
  Index input_part() const { return layer_.input_rows / Tiles::kParts; }

  // Splits the inputs of `count` steps into pairs.
  void split_inputs(Index start, Index count) {
    const Index rows = rows_.end - rows_.begin;
    for (Index row = 0; row < rows; ++row) {
      for (Index step = 0; step < count; ++step) {
        Tiles::split(space_.inputs + (step * rows + row) * space_.input_stride,
                     given_row(rows_.begin + row, start + step), layer_.inputs, input_part(), input_part());
      }
    }
  }

  // Asks for some lines of the next step's inputs, which lie far apart and would be waited for.
  void ask_for_inputs(Index step, Index lines) {
    if (step + 1 >= call_.steps) return;
    for (; lines > 0 && asked_.row < rows_.end; --lines) {
      __builtin_prefetch(given_row(asked_.row, step + 1) + asked_.unit, 0, 2);
      asked_.unit += kLine;
      if (asked_.unit >= layer_.inputs) asked_ = {asked_.row + 1, 0};
    }
  }

  // Splits the states of this member's rows and units, as they were given.
  void split_states() {
    const Index units = (panels_.end - panels_.begin) * kLanes;
    for (Index row = rows_.begin; row < rows_.end; ++row) {
      for (T* all : space_.output_pairs) split_state(all, row, units);
      for (T* all : space_.field_pairs) split_state(all, row, units);
    }
  }

  void split_state(T* pairs, Index row, Index units) {
    if (pairs == nullptr) return;
    T* to = pairs + row * space_.pair_stride;
    Tiles::split(to + first_unit() / 2, state(kOutput, 0, row) + first_unit(), units, units / 2, state_part());
    if (panels_.end != layer_.panels) return;
    for (int part = 0; part < Tiles::kParts; ++part) {
      for (Index u = layer_.padded() / 2; u < state_part(); ++u) to[part * state_part() + u] = T(0);
    }
  }

  // Asks for what other members wrote, whose lines would else be waited for one after another. (Inlined, see
  // fetch_units.)
  GATEWISE_INLINE void ask_for_source(const T* source) const {
    if (kInPairs || !division_.split_units || division_.far) return;
    for (Index row = rows_.begin; row < rows_.end; ++row) {
      for (Index u = 0; u < layer_.units; u += kLine) __builtin_prefetch(source + row * space_.stride + u);
    }
  }

  void step(Index step, Index in_chunk) {
    if constexpr (kInPairs) {
      if (!division_.ahead) split_inputs(step, 1);
      asked_ = {division_.ahead ? rows_.end : rows_.begin, 0};
    }
    each<kPhases>([&](auto i) {
      if constexpr (i != 0) ask_for_source(field(At<i>::kSource, step));
      run_phase<At<i>>(layer_.phase[i], step, in_chunk);
      wait();
    });
    ask_for_source(field(At<0>::kSource, step + 1));
  }

  // How this member goes through a phase, in every step alike. The tiles of a block fetch its share of the next panel's
  // weights.
  struct Walk {
    Blocks blocks{0, 1};
    Groups groups;
    Index fetch_in_block = 0;
    Index fetch_at_once = 0;
  };

  template <class P>
  Groups groups_of(const Blocks& blocks) const {
    return {panels_, whole_, Tiles::panels_for(blocks.most(), P::kGates)};
  }

  template <class P>
  Walk walk_of() const {
    const Blocks blocks(rows_.end - rows_.begin, Tiles::rows_for(P::kGates));
    if (blocks.size() == 0) return {blocks, {}, 0, 0};
    const Index inputs = division_.ahead ? 0 : layer_.input_rows;
    const Index pairs = inputs / 2 + layer_.recurrent_rows / 2;
    const Index share = (inputs + layer_.recurrent_rows) * P::kGates * kLanes / blocks.size();
    return {blocks, groups_of<P>(blocks), share, pairs != 0 ? lesser(share / pairs + 1, kLine) : 0};
  }

  // A tile of the panels from `panel` on, that begins with the bias and fetches nothing; its rows are yet to be given.
  template <class P>
  static TileCall<T> tile_of(const PackedLayer<T>& layer, const PackedPhase<T>& phase, Index panel) {
    TileCall<T> tile;
    tile.inputs = layer.input_rows;
    tile.units = layer.recurrent_rows;
    tile.input = phase.input + panel * layer.input_rows * P::kGates * kLanes;
    tile.recurrent = phase.recurrent + panel * layer.recurrent_rows * P::kGates * kLanes;
    tile.bias = phase.bias + panel * P::kSums * kLanes;
    tile.start[0] = nullptr;
    tile.fetch = {tile.bias, 0};
    return tile;
  }

  // A tile whose sums are made, and whose rows from `row` on wait for the cell's equation.
  struct Waiting {
    const PackedPhase<T>* phase = nullptr;
    T* sums = nullptr;
    Index step = 0;
    Index row = 0;
    Index end = 0;
    Group group;
  };

  // Sums of the tile that is being made, and of the one before.
  struct TileSums {
    alignas(kBytes) T at[kInPairs ? 2 : 1][Tiles::rows_for(3) * (kMaxPanels * kMaxSumsOfPhase + 2) * kLanes];
    int next = 0;

    T* take() {
      T* const taken = at[next];
      if constexpr (kInPairs) next = 1 - next;
      return taken;
    }
  };

  // One phase of one step. Every other step walks the panels backwards: what is still in the cache is used first.
  template <class P>
  void run_phase(const PackedPhase<T>& phase, Index step, Index in_chunk) {
    const Walk& walk = walks_[P::kIndex];
    const Groups& groups = walk.groups;
    const bool forwards = (step & 1) == 0;
    const auto turn = [&](Index i) { return forwards ? i : groups.count - 1 - i; };
    TileSums sums;
    Waiting waiting;
    for (Index i = 0; i < groups.count; ++i) {
      const Group next = groups.at(turn(i + 1 == groups.count ? i : i + 1));
      run_group<P>(phase, walk, step, in_chunk, groups.at(turn(i)), next.panel, sums, waiting);
    }
    advance<P>(waiting, waiting.end);
  }

  template <class P>
  void run_group(const PackedPhase<T>& phase, const Walk& walk, Index step, Index in_chunk, Group group, Index next,
                 TileSums& sums, Waiting& waiting) {
    const Index input_panel = layer_.input_rows * P::kGates * kLanes;
    const Index recurrent_panel = layer_.recurrent_rows * P::kGates * kLanes;
    TileCall<T> tile = tile_of<P>(layer_, phase, group.panel);
    if (division_.ahead) tile.inputs = 0;
    const Blocks& blocks = walk.blocks;
    const T* source = this->template source<P>(step);
    const Index source_stride = kInPairs ? space_.pair_stride : space_.stride;
    for (Index block = 0; block < blocks.size(); ++block) {
      const Index row = rows_.begin + blocks.begin(block);
      const int height = blocks.rows(block);
      T* const out = sums.take();
      for (int r = 0; r < height; ++r) {
        tile.h[r] = source + (row + r) * source_stride;
        tile.out[r] = out + r * group.template vectors<P>() * kLanes;
        if (division_.ahead) {
          const Index item = in_chunk * (rows_.end - rows_.begin) + (row + r - rows_.begin);
          tile.start[r] = ahead_row(item, P::kFacts.first_gate) + (group.panel - panels_.begin) * P::kGates * kLanes;
        } else {
          tile.x[r] = input_row(row + r, step, 0);
        }
      }
      if constexpr (kInPairs) {
        ask_for_inputs(step, (layer_.inputs / kLine + 1) * height * group.panels / (panels_.end - panels_.begin) + 1);
      } else {
        const Index skipped = block * walk.fetch_in_block;
        const Index inputs = tile.inputs * P::kGates * kLanes;
        tile.fetch = {skipped < inputs ? phase.input + next * input_panel + skipped
                                       : phase.recurrent + next * recurrent_panel + (skipped - inputs),
                      walk.fetch_at_once};
        if (division_.far) fetch_units<P>(step, row, height, group.panel, group.panels);
      }
      multiply<P>(height, group, tile, waiting);
      waiting = {&phase, out, step, row, row + height, group};
      if constexpr (!kInPairs) advance<P>(waiting, waiting.end);
    }
  }

  // Makes the sums of a tile. Tiles multiply beside the vectors: between two products of theirs the equation is applied
  // to some rows of the tile before.
  template <class P>
  void multiply(int height, Group group, const TileCall<T>& tile, Waiting& waiting) {
    if constexpr (kInPairs) {
      const Index first = waiting.row;
      const Index count = waiting.end - first;
      const Index turns = Tiles::turns(tile.inputs + tile.units);
      Index turn = 0;
      auto between = [&] {
        const Index due = first + count * ++turn / turns;
        if (due - waiting.row >= costs::kRowsAtOnce || turn == turns) advance<P>(waiting, due);
      };
      tiles_.template tile<P>(height, group.panels, tile, between);
    } else {
      in_room<P>(height, group, tile, P::kSums, [&](int panels, bool folded, const TileCall<T>& call) {
        tiles_.template tile<P>(height, panels, folded, call);
      });
    }
  }

  // Calls `make` for all panels of a group, and once more for the folded one where a tile has no room for it beside the
  // others. `vectors` of a panel are written a row.
  template <class P, class Make>
  GATEWISE_INLINE void in_room(int height, Group group, const TileCall<T>& tile, int vectors, Make make) {
    if (!group.folded || Tiles::takes_folded(height, group.panels, P::kGates)) {
      return make(group.panels, group.folded, tile);
    }
    make(group.panels, false, tile);
    TileCall<T> rest = tile;
    rest.input += group.panels * layer_.input_rows * P::kGates * kLanes;
    rest.recurrent += group.panels * layer_.recurrent_rows * P::kGates * kLanes;
    rest.bias += group.panels * P::kSums * kLanes;
    const bool started = tile.start[0] != nullptr;
    for (int r = 0; r < height; ++r) {
      rest.out[r] += group.panels * vectors * kLanes;
      if (started) rest.start[r] += group.panels * P::kGates * kLanes;
    }
    make(0, true, rest);
  }

  // Applies the cell's equation to the rows that wait, up to `end`.
  template <class P>
  void advance(Waiting& waiting, Index end) {
    const Index count = end - waiting.row;
    if (count == 0) return;
    if constexpr (Tiles::kParts == kFloatParts) repair<P>(waiting, count);
    finish<P>(waiting.sums, waiting.step, waiting.row, static_cast<int>(count), waiting.group);
    waiting.sums += count * waiting.group.template vectors<P>() * kLanes;
    waiting.row = end;
  }

  // Sums that are NaN, of infinities and of numbers too great for the tiles (or rightly so), are made again by vectors.
  template <class P>
  void repair(const Waiting& waiting, Index count) const {
    T* sums = waiting.sums;
    for (Index row = waiting.row; row < waiting.row + count; ++row) {
      for (int p = 0; p < waiting.group.panels; ++p, sums += P::kSums * kLanes) {
        if (!Tiles::sound(sums, P::kSums)) make_again<P>(sums, waiting, row, waiting.group.panel + p);
      }
    }
  }

  template <class P>
  [[gnu::noinline]] void make_again(T* sums, const Waiting& waiting, Index row, Index panel) const {
    const PackedLayer<T>& exact = *layer_.exact;
    TileCall<T> tile = tile_of<P>(exact, exact.phase[waiting.phase - layer_.phase], panel);
    tile.x[0] = given_row(row, waiting.step);
    tile.h[0] = field(P::kSource, waiting.step) + row * space_.stride;
    tile.out[0] = sums;
    VectorTiles<T>().template tile<P>(1, 1, false, tile);
  }

  // The cell's equation for the sums of some rows of a tile. The folded panel comes first: its few vectors wait longest
  // for themselves, and the others fill the time.
  template <class P>
  void finish(const T* sums, Index step, Index first, int height, Group group) {
    if (call_.mask != nullptr) return finish_masked<P>(sums, step, first, height, group);
    if constexpr (kFolds) {
      if (group.folded) {
        Index rows[kMaxRows];
        for (int r = 0; r < height; ++r) rows[r] = first + r;
        finish_folded<P>(sums, step, first, rows, height, group);
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
      apply<P>(step, places);
      places[0] = next(places[costs::kTogether - 1]);
    }
    for (; left != 0; --left) {
      const Place place[] = {places[0]};
      apply<P>(step, place);
      places[0] = next(places[0]);
    }
  }

  template <class P>
  void finish_masked(const T* sums, Index step, Index first, int height, Group group) {
    Index rows[kMaxRows];
    int count = 0;
    for (Index row = first; row < first + height; ++row) {
      const T* own = sums + (row - first) * group.template vectors<P>() * kLanes;
      const bool skipped = masked(row, time(step));
      if (skipped && P::kWritesOutput) keep(step, row, group.panel, group.panels + (group.folded ? 1 : 0));
      if (skipped) continue;
      rows[count++] = row;
      for (int p = 0; p < group.panels; ++p, own += P::kSums * kLanes) {
        const Place place[] = {{row, (group.panel + p) * kLanes, own}};
        apply<P>(step, place);
      }
    }
    if constexpr (kFolds) {
      if (group.folded) finish_folded<P>(sums, step, first, rows, count, group);
    }
  }

  // The folded panel of the `rows`, kFold of them to a vector. `sums` are those of row `first` on.
  template <class P>
  void finish_folded(const T* sums, Index step, Index first, const Index* rows, int count, Group group) {
    const Index size = group.template vectors<P>() * kLanes;
    sums += group.panels * P::kSums * kLanes;
    for (int i = 0; i < count; i += kFold) {
      apply_folded<P>(sums, size, step, first, rows + i, static_cast<int>(lesser(count - i, kFold)));
    }
  }

  // A vector of units in one row, the first of them, and its sums.
  struct Place {
    Index row;
    Index unit;
    const T* sums;
  };

  // Where a sum of a folded vector lies: its gates in order, the input's share of the last in the second vector.
  template <class P>
  static constexpr Index folded_place(int sum) {
    if (P::kSums != P::kGates && sum == P::kGates - 1) return kLanes + sum * kLanes / kFold;
    return (sum < P::kGates ? sum : sum - 1) * kLanes / kFold;
  }

  // The cell's equation for the folded units of up to kFold rows, in one vector. (Fewer rows: the first again.)
  template <class P>
  GATEWISE_INLINE void apply_folded(const T* sums, Index size, Index step, Index first, const Index* rows, int count) {
    const T* from[P::kSums][kFold];
    Index at[kFold];
#pragma GCC unroll 4
    for (int i = 0; i < kFold; ++i) {
      const Index row = rows[i < count ? i : 0];
      at[i] = row * space_.stride + whole_ * kLanes;
#pragma GCC unroll 4
      for (int s = 0; s < P::kSums; ++s) from[s][i] = sums + (row - first) * size + folded_place<P>(s);
    }
    const auto read = [&](T* states) {
      const T* const places[] = {states + at[0], states + at[1], states + at[2], states + at[3]};
      return load_quarters<T>(places);
    };
    const auto write = [&](T* states, Vec<T> v) {
      T* const places[] = {states + at[0], states + at[1], states + at[2], states + at[3]};
      store_quarters<T>(places, v, count);
    };
    Vec<T> z[1][P::kSums];
    Unit<T, C> units[1];
#pragma GCC unroll 4
    for (int s = 0; s < P::kSums; ++s) z[0][s] = load_quarters<T>(from[s]);
    each<kFacts.fields()>([&](auto f) {
      if constexpr (has(P::kFacts.reads, f)) units[0].fields[f] = read(field(f, step));
    });
    each<kUnitRows>([&](auto row) { units[0].weights[row] = load<T>(unit_weights(whole_ * kLanes, row)); });
    P::template forward<T>(z, units, act_, gate_);
    each<kFacts.fields()>([&](auto f) {
      if constexpr (has(P::kFacts.writes, f)) write(new_field(f, step), units[0].fields[f]);
    });
    if constexpr (!P::kWritesOutput) return;
    const T* const made = new_field(kOutput, step);
    for (int i = 0; i < count; ++i) {
      T* const y = output(step, rows[i]);
      if (y == nullptr) continue;
      for (Index u = whole_ * kLanes; u < layer_.units; ++u) y[u] = made[rows[i] * space_.stride + u];
    }
  }

  // Brings what `finish` will read and write into the cache while the tile works. (Inlined, because GCC takes a
  // function that does nothing but this for one without effect, and drops the call.)
  template <class P>
  GATEWISE_INLINE void fetch_units(Index step, Index first, int height, Index panel, int panels) const {
    for (int r = 0; r < height; ++r) {
      const Index row = first + r;
      for (int p = 0; p < panels; ++p) {
        const Index unit = (panel + p) * kLanes;
        const Index at = row * space_.stride + unit;
        each<kFacts.fields()>([&](auto f) {
          if constexpr (f != kOutput && has(P::kFacts.reads, f)) __builtin_prefetch(space_.fields[f] + at, 1);
        });
        if constexpr (P::kWritesOutput) {
          __builtin_prefetch(new_field(kOutput, step) + at, 1);
          if (call_.sequences) __builtin_prefetch(output(step, row) + unit, 1);
        }
      }
    }
  }

  // The equation for some vectors together.
  template <class P, int kMany>
  GATEWISE_INLINE void apply(Index step, const Place (&places)[kMany]) {
    Vec<T> z[kMany][P::kSums];
    Unit<T, C> units[kMany];
#pragma GCC unroll 4
    for (int i = 0; i < kMany; ++i) {
#pragma GCC unroll 4
      for (int s = 0; s < P::kSums; ++s) z[i][s] = load<T>(places[i].sums + s * kLanes);
      const Index at = places[i].row * space_.stride + places[i].unit;
      each<kFacts.fields()>([&](auto f) {
        if constexpr (has(P::kFacts.reads, f)) units[i].fields[f] = load<T>(field(f, step) + at);
      });
      each<kUnitRows>([&](auto row) { units[i].weights[row] = load<T>(unit_weights(places[i].unit, row)); });
    }
    P::template forward<T>(z, units, act_, gate_);
#pragma GCC unroll 4
    for (int i = 0; i < kMany; ++i) {
      const Index at = places[i].row * space_.stride + places[i].unit;
      each<kFacts.fields()>([&](auto f) {
        if constexpr (has(P::kFacts.writes, f)) store<T>(new_field(f, step) + at, units[i].fields[f]);
      });
      hand_on<P>(step, places[i], units[i]);
    }
  }

  // Writes what a phase made to where the tiles and the caller read it.
  template <class P>
  GATEWISE_INLINE void hand_on(Index step, Place place, const Unit<T, C>& unit) {
    const Index lanes = lesser(layer_.units - place.unit, kLanes);
    if constexpr (kInPairs) {
      each<kFacts.fields()>([&](auto f) {
        if constexpr (has(P::kFacts.writes, f) && kFacts.is_source(f)) {
          T* const to = pairs(f, step + 1) + place.row * space_.pair_stride + place.unit / 2;
          Tiles::split(to, Tiles::first(unit.fields[f], lanes), state_part());
        }
      });
    }
    if constexpr (P::kWritesOutput) {
      if (T* const y = output(step, place.row)) put(y + place.unit, unit.fields[kOutput], lanes);
    }
  }

  // A row of the own weights of the units from `unit` on.
  const T* unit_weights(Index unit, Index row) const { return layer_.unit_weights + unit * kUnitRows + row * kLanes; }

  GATEWISE_INLINE static void put(T* to, Vec<T> v, Index lanes) {
    if (lanes == kLanes) {
      store<T>(to, v);
    } else {
      store_some<T>(to, v, lanes);
    }
  }

  // Where the output of a step goes, or null where only the last is wanted and it will be the state.
  T* output(Index step, Index row) const {
    if (call_.sequences) return call_.y + (row * call_.steps + step) * layer_.units;
    return call_.mask != nullptr ? call_.y + row * layer_.units : nullptr;
  }

  // A masked step: the state goes through, the output is the last one (zeros before the first, or zeros always).
  void keep(Index step, Index row, Index panel, int panels) {
    const Index begin = panel * kLanes;
    const Index end = begin + panels * kLanes;
    copy(state(kOutput, step, row), state(kOutput, step + 1, row), begin, end);
    if constexpr (kInPairs) {
      const T* old = pairs(kOutput, step) + row * space_.pair_stride;
      T* kept = pairs(kOutput, step + 1) + row * space_.pair_stride;
      for (int part = 0; part < Tiles::kParts; ++part, old += state_part(), kept += state_part()) {
        copy(old, kept, begin / 2, end / 2);
      }
    }
    T* y = output(step, row);
    const bool zero = call_.zero_masked || (call_.sequences && step == 0);
    if (!zero && !call_.sequences) return;
    for (Index u = begin; u < lesser(end, layer_.units); ++u) y[u] = zero ? T(0) : y[u - layer_.units];
  }

  static void copy(const T* from, T* to, Index begin, Index end) {
    for (Index u = begin; u < end; ++u) to[u] = from[u];
  }

  const PackedLayer<T>& layer_;
  const Sequence<T>& call_;
  const Division& division_;
  const Workspace<T> space_;
  Team& team_;
  const Index member_;
  const Act act_;
  const Gate gate_;
  const Share rows_;
  const Share panels_;
  const Index whole_;  // the end of this member's panels that are not folded
  Walk walks_[kPhases];
  struct {
    Index row = 0;
    Index unit = 0;
  } asked_;  // the inputs of the next step from here on are yet to be asked for
  Tiles tiles_;
};

}  // namespace gatewise::GATEWISE_ISA
