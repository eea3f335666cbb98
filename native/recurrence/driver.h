// The time loop, the same for every cell: products by tiles, then the cell's equation, panel by panel.
#pragma once

#include <type_traits>

#include "cells/unit.h"
#include "kernels/activations.h"
#include "kernels/tile.h"
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
  move(space.h[0]);
  move(space.h[1]);
  move(space.c);
  move(space.update);
  move(space.reset);
  move(space.pairs[0]);
  move(space.pairs[1]);
  move(space.reset_pairs);
  return space;
}

template <class T, class CellType, class Act, class Gate, class Tiles>
class Driver {
 public:
  Driver(const Layer<T>& layer, const Sequence<T>& call, const Plan& plan, const Workspace<T>& space, Team& team,
         Index member, Act act, Gate gate)
      : layer_(layer),
        call_(call),
        plan_(plan),
        space_(memory_of(member, plan.split_units, space)),
        team_(team),
        member_(member),
        act_(act),
        gate_(gate),
        rows_(plan.split_units ? Share{0, call.batch} : share(call.batch, member, plan.threads)),
        panels_(plan.split_units ? share(layer.panels, member, plan.threads) : Share{0, layer.panels}),
        whole_(lesser(panels_.end, layer.whole_panels())),
        first_walk_(walk_of<First>()),
        second_walk_(walk_of<Second>()) {}

  void run() {
    load_states();
    if constexpr (kInPairs) split_states();
    wait();
    for (Index start = 0; start < call_.steps; start += plan_.chunk) {
      const Index left = call_.steps - start;
      const Index count = left < plan_.chunk ? left : plan_.chunk;
      if (plan_.ahead) look_ahead(start, count);
      for (Index i = 0; i < count; ++i) step(start + i, i);
    }
    store_states();
  }

 private:
  using First = typename CellType::First;
  using Second = typename CellType::Second;
  static constexpr bool kTwoPhases = CellType::kPhases == 2;
  static constexpr Index kLanes = kWidth<T>;
  static constexpr Index kLine = 64 / sizeof(T);  // of the caches
  static constexpr bool kInPairs = Tiles::kParts != 0;
  static constexpr bool kFolds = !kInPairs && folds(First::kGates, kLanes);

  // Rows that wait until so many can be had at once: fewer cost more to begin with, more keep the tiles waiting.
  static constexpr Index kRowsAtOnce = 4;

  // Vectors to which the equation is applied together, so that one may go on where another waits.
  static constexpr int kTogether = 2;
  static constexpr int kMaxSumsOfUnit = 4;

  void wait() {
    if (plan_.split_units && plan_.threads > 1) team_.barrier(member_);
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

  T* state(int which, Index step, Index row) const {
    return (which == 0 ? space_.h[step & 1] : space_.c) + row * space_.stride;
  }

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
    if (!written) copy_state(0, call_.y);
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
  static constexpr Index kAheadGates = First::kGates + (kTwoPhases ? Second::kGates : 0);

  template <class P>
  static constexpr Index ahead_offset() {
    return std::is_same_v<P, First> ? 0 : First::kGates;
  }

  T* ahead_row(Index row, Index offset) const {
    const Index panels = panels_.end - panels_.begin;
    return space_.ahead + (row * kAheadGates + offset) * panels * kLanes;
  }

  // Multiplies the inputs of `count` steps, all rows of them, by the kernel.
  void look_ahead(Index start, Index count) {
    if constexpr (kInPairs) split_inputs(start, count);
    look_ahead_phase<First>(layer_.phase[0], start, count);
    if constexpr (kTwoPhases) look_ahead_phase<Second>(layer_.phase[1], start, count);
  }

  template <class P>
  void look_ahead_phase(const Phase<T>& phase, Index start, Index count) {
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
              ahead_row(step * rows + row, ahead_offset<P>()) + (group.panel - panels_.begin) * P::kGates * kLanes;
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
    if constexpr (kInPairs) return P::kSource == kReset ? space_.reset_pairs : space_.pairs[step & 1];
    return numbers<P>(step);
  }

  // The same as numbers, whatever the tiles read.
  template <class P>
  const T* numbers(Index step) const {
    return P::kSource == kReset ? space_.reset : space_.h[step & 1];
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
      T* const kept[] = {space_.pairs[0], space_.pairs[1], space_.reset_pairs};
      for (T* pairs : kept) {
        if (pairs == nullptr) continue;
        T* to = pairs + row * space_.pair_stride;
        Tiles::split(to + first_unit() / 2, state(0, 0, row) + first_unit(), units, units / 2, state_part());
        if (panels_.end != layer_.panels) continue;
        for (int part = 0; part < Tiles::kParts; ++part) {
          for (Index u = layer_.padded() / 2; u < state_part(); ++u) to[part * state_part() + u] = T(0);
        }
      }
    }
  }

  // Asks for what other members wrote, whose lines would else be waited for one after another. (Inlined, see
  // fetch_units.)
  GATEWISE_INLINE void ask_for_source(const T* source) const {
    if (kInPairs || !plan_.split_units || plan_.far) return;
    for (Index row = rows_.begin; row < rows_.end; ++row) {
      for (Index u = 0; u < layer_.units; u += kLine) __builtin_prefetch(source + row * space_.stride + u);
    }
  }

  void step(Index step, Index in_chunk) {
    if constexpr (kInPairs) {
      if (!plan_.ahead) split_inputs(step, 1);
      asked_ = {plan_.ahead ? rows_.end : rows_.begin, 0};
    }
    run_phase<First>(layer_.phase[0], step, in_chunk);
    wait();
    if constexpr (kTwoPhases) {
      ask_for_source(numbers<Second>(step));
      run_phase<Second>(layer_.phase[1], step, in_chunk);
      wait();
    }
    ask_for_source(numbers<First>(step + 1));
  }

  // How this member goes through a phase, in every step alike. The tiles of a block fetch its share of the next panel's
  // weights.
  struct Walk {
    Blocks blocks;
    Groups groups;
    Index fetch_in_block;
    Index fetch_at_once;
  };

  template <class P>
  Groups groups_of(const Blocks& blocks) const {
    return {panels_, whole_, Tiles::panels_for(blocks.most(), P::kGates)};
  }

  template <class P>
  Walk walk_of() const {
    const Blocks blocks(rows_.end - rows_.begin, Tiles::rows_for(P::kGates));
    if (blocks.size() == 0) return {blocks, {}, 0, 0};
    const Index inputs = plan_.ahead ? 0 : layer_.input_rows;
    const Index pairs = inputs / 2 + layer_.recurrent_rows / 2;
    const Index share = (inputs + layer_.recurrent_rows) * P::kGates * kLanes / blocks.size();
    return {blocks, groups_of<P>(blocks), share, pairs != 0 ? lesser(share / pairs + 1, kLine) : 0};
  }

  // A tile of the panels from `panel` on, that begins with the bias and fetches nothing; its rows are yet to be given.
  template <class P>
  static TileCall<T> tile_of(const Layer<T>& layer, const Phase<T>& phase, Index panel) {
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
    const Phase<T>* phase = nullptr;
    T* sums = nullptr;
    Index step = 0;
    Index row = 0;
    Index end = 0;
    Group group;
  };

  // Sums of the tile that is being made, and of the one before.
  struct TileSums {
    alignas(kBytes) T at[kInPairs ? 2 : 1][Tiles::rows_for(3) * (kMaxPanels * kMaxSumsOfUnit + 2) * kLanes];
    int next = 0;

    T* take() {
      T* const taken = at[next];
      if constexpr (kInPairs) next = 1 - next;
      return taken;
    }
  };

  // One phase of one step. Every other step walks the panels backwards: what is still in the cache is used first.
  template <class P>
  void run_phase(const Phase<T>& phase, Index step, Index in_chunk) {
    const Walk& walk = std::is_same_v<P, First> ? first_walk_ : second_walk_;
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
  void run_group(const Phase<T>& phase, const Walk& walk, Index step, Index in_chunk, Group group, Index next,
                 TileSums& sums, Waiting& waiting) {
    const Index input_panel = layer_.input_rows * P::kGates * kLanes;
    const Index recurrent_panel = layer_.recurrent_rows * P::kGates * kLanes;
    TileCall<T> tile = tile_of<P>(layer_, phase, group.panel);
    if (plan_.ahead) tile.inputs = 0;
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
        if (plan_.ahead) {
          const Index item = in_chunk * (rows_.end - rows_.begin) + (row + r - rows_.begin);
          tile.start[r] = ahead_row(item, ahead_offset<P>()) + (group.panel - panels_.begin) * P::kGates * kLanes;
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
        if (plan_.far) fetch_units<P>(step, row, height, group.panel, group.panels);
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
        if (due - waiting.row >= kRowsAtOnce || turn == turns) advance<P>(waiting, due);
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
    const Layer<T>& exact = *layer_.exact;
    TileCall<T> tile = tile_of<P>(exact, exact.phase[waiting.phase - layer_.phase], panel);
    tile.x[0] = given_row(row, waiting.step);
    tile.h[0] = numbers<P>(waiting.step) + row * space_.stride;
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
    Place places[kTogether] = {{first, begin, sums}};
    int left = height * group.panels;
    for (; left >= kTogether; left -= kTogether) {
      for (int i = 1; i < kTogether; ++i) places[i] = next(places[i - 1]);
      apply<P>(step, places);
      places[0] = next(places[kTogether - 1]);
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
      if (skipped && (P::kWrites & kH) != 0) keep(step, row, group.panel, group.panels + (group.folded ? 1 : 0));
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
    Unit<T> units[1];
#pragma GCC unroll 4
    for (int s = 0; s < P::kSums; ++s) z[0][s] = load_quarters<T>(from[s]);
    if constexpr ((P::kReads & kH) != 0) units[0].h = read(space_.h[step & 1]);
    if constexpr ((P::kReads & kC) != 0) units[0].c = read(space_.c);
    P::template apply<T>(z, units, act_, gate_);
    T* const new_h = space_.h[(step + 1) & 1];
    write(new_h, units[0].h);
    if constexpr ((P::kWrites & kC) != 0) write(space_.c, units[0].c);
    for (int i = 0; i < count; ++i) {
      T* const y = output(step, rows[i]);
      if (y == nullptr) continue;
      for (Index u = whole_ * kLanes; u < layer_.units; ++u) y[u] = new_h[rows[i] * space_.stride + u];
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
        if constexpr ((P::kReads & kC) != 0) __builtin_prefetch(space_.c + at, 1);
        if constexpr ((P::kReads & kUpdate) != 0) __builtin_prefetch(space_.update + at, 1);
        if constexpr ((P::kWrites & kH) != 0) {
          __builtin_prefetch(space_.h[(step + 1) & 1] + at, 1);
          if (call_.sequences) __builtin_prefetch(output(step, row) + unit, 1);
        }
      }
    }
  }

  // The equation for some vectors together.
  template <class P, int kMany>
  GATEWISE_INLINE void apply(Index step, const Place (&places)[kMany]) {
    const T* const old_h = space_.h[step & 1];
    T* const new_h = space_.h[(step + 1) & 1];
    Vec<T> z[kMany][P::kSums];
    Unit<T> units[kMany];
#pragma GCC unroll 4
    for (int i = 0; i < kMany; ++i) {
#pragma GCC unroll 4
      for (int s = 0; s < P::kSums; ++s) z[i][s] = load<T>(places[i].sums + s * kLanes);
      const Index at = places[i].row * space_.stride + places[i].unit;
      if constexpr ((P::kReads & kH) != 0) units[i].h = load<T>(old_h + at);
      if constexpr ((P::kReads & kC) != 0) units[i].c = load<T>(space_.c + at);
      if constexpr ((P::kReads & kUpdate) != 0) units[i].update = load<T>(space_.update + at);
    }
    P::template apply<T>(z, units, act_, gate_);
#pragma GCC unroll 4
    for (int i = 0; i < kMany; ++i) {
      const Index at = places[i].row * space_.stride + places[i].unit;
      if constexpr ((P::kWrites & kH) != 0) store<T>(new_h + at, units[i].h);
      if constexpr ((P::kWrites & kC) != 0) store<T>(space_.c + at, units[i].c);
      if constexpr ((P::kWrites & kUpdate) != 0) store<T>(space_.update + at, units[i].update);
      if constexpr ((P::kWrites & kReset) != 0) store<T>(space_.reset + at, units[i].reset);
      hand_on<P>(step, places[i], (P::kWrites & kH) != 0 ? units[i].h : units[i].reset);
    }
  }

  // Writes what a phase made to where the tiles and the caller read it.
  template <class P>
  GATEWISE_INLINE void hand_on(Index step, Place place, Vec<T> made) {
    const Index lanes = lesser(layer_.units - place.unit, kLanes);
    if constexpr (kInPairs) {
      T* const pairs = (P::kWrites & kH) != 0 ? space_.pairs[(step + 1) & 1] : space_.reset_pairs;
      Tiles::split(pairs + place.row * space_.pair_stride + place.unit / 2, Tiles::first(made, lanes), state_part());
    }
    if constexpr ((P::kWrites & kH) != 0) {
      if (T* const y = output(step, place.row)) put(y + place.unit, made, lanes);
    }
  }

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
    copy(state(0, step, row), state(0, step + 1, row), begin, end);
    if constexpr (kInPairs) {
      const T* old = space_.pairs[step & 1] + row * space_.pair_stride;
      T* kept = space_.pairs[(step + 1) & 1] + row * space_.pair_stride;
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

  const Layer<T>& layer_;
  const Sequence<T>& call_;
  const Plan& plan_;
  const Workspace<T> space_;
  Team& team_;
  const Index member_;
  const Act act_;
  const Gate gate_;
  const Share rows_;
  const Share panels_;
  const Index whole_;  // the end of this member's panels that are not folded
  const Walk first_walk_;
  const Walk second_walk_;
  struct {
    Index row = 0;
    Index unit = 0;
  } asked_;  // the inputs of the next step from here on are yet to be asked for
  Tiles tiles_;
};

}  // namespace gatewise::GATEWISE_ISA
