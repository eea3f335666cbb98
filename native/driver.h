// The time loop, the same for every cell: products by tiles, then the cell's equation, panel by panel.
#pragma once

#include <type_traits>

#include "activations.h"
#include "cells/unit.h"
#include "team.h"
#include "tile.h"

namespace gatewise::GATEWISE_ISA {

// First item and end of the share of `member` of `members` in `count` items.
struct Share {
  Index begin;
  Index end;
};

inline Index lesser(Index a, Index b) { return a < b ? a : b; }

inline Share share(Index count, Index member, Index members) {
  return {count * member / members, count * (member + 1) / members};
}

// `count` rows in blocks of at most `most` and as even as can be: 16 rows are 6 + 5 + 5, not 6 + 6 + 4.
class Blocks {
 public:
  Blocks(Index count, int most)
      : blocks_((count + most - 1) / most),
        rows_(blocks_ != 0 ? count / blocks_ : 0),
        longer_(blocks_ != 0 ? count % blocks_ : 0) {}

  Index size() const { return blocks_; }
  Index begin(Index block) const { return block * rows_ + (block < longer_ ? block : longer_); }
  int rows(Index block) const { return static_cast<int>(rows_ + (block < longer_ ? 1 : 0)); }
  int most() const { return static_cast<int>(rows_ + (longer_ != 0 ? 1 : 0)); }

 private:
  Index blocks_;
  Index rows_;
  Index longer_;
};

template <class T, class CellType, class Act, class Gate, class Tiles>
class Driver {
 public:
  Driver(const Layer<T>& layer, const Sequence<T>& call, const Plan& plan, const Workspace<T>& space, Team& team,
         Index member, Act act, Gate gate)
      : layer_(layer),
        call_(call),
        plan_(plan),
        space_(space),
        team_(team),
        member_(member),
        act_(act),
        gate_(gate),
        rows_(plan.split_units ? Share{0, call.batch} : share(call.batch, member, plan.threads)),
        panels_(plan.split_units ? share(layer.panels, member, plan.threads) : Share{0, layer.panels}),
        ahead_(space.ahead + member * space.ahead_size) {}

  void run() {
    load_states();
    if constexpr (Tiles::kPairs) round_states();
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
    return ahead_ + (row * kAheadGates + offset) * panels * kLanes;
  }

  // Multiplies the inputs of `count` steps, all rows of them, by the kernel.
  void look_ahead(Index start, Index count) {
    if constexpr (Tiles::kPairs) round_inputs(start, count);
    look_ahead_phase<First>(layer_.phase[0], start, count);
    if constexpr (kTwoPhases) look_ahead_phase<Second>(layer_.phase[1], start, count);
  }

  template <class P>
  void look_ahead_phase(const Phase<T>& phase, Index start, Index count) {
    const Index rows = rows_.end - rows_.begin;
    const Blocks blocks(count * rows, Tiles::rows_for(P::kGates));
    if (blocks.size() == 0) return;
    const int together = Tiles::panels_for(blocks.most(), P::kGates);
    TileCall<T> tile;
    tile.inputs = layer_.input_rows;
    tile.fetch = {phase.bias, 0};
    for (Index panel = panels_.begin; panel < panels_.end; panel += together) {
      const int panels = static_cast<int>(lesser(panels_.end - panel, together));
      tile.input = phase.input + panel * layer_.input_rows * P::kGates * kLanes;
      tile.bias = phase.bias + panel * P::kSums * kLanes;
      Index step = 0;
      Index row = 0;
      for (Index block = 0; block < blocks.size(); ++block) {
        const int height = blocks.rows(block);
        for (int r = 0; r < height; ++r) {
          tile.x[r] = input_row(rows_.begin + row, start + step, step);
          tile.out[r] = ahead_row(step * rows + row, ahead_offset<P>()) + (panel - panels_.begin) * P::kGates * kLanes;
          if (++row == rows) {
            row = 0;
            ++step;
          }
        }
        tiles_.template project<P>(height, panels, tile);
      }
    }
  }

  // Where the tiles find the inputs of one row: where the caller has them, or among the pairs of this chunk.
  const T* input_row(Index row, Index step, Index in_chunk) const {
    if constexpr (Tiles::kPairs) {
      return pairs_of_inputs() + (in_chunk * (rows_.end - rows_.begin) + row - rows_.begin) * space_.input_stride;
    }
    return call_.x + row * call_.x_batch + time(step) * call_.x_time;
  }

  T* pairs_of_inputs() const { return space_.inputs + member_ * space_.inputs_size; }

  // What a phase multiplies by the recurrent kernel.
  template <class P>
  const T* source(Index step) const {
    if constexpr (Tiles::kPairs) return P::kSource == kReset ? space_.reset_pairs : space_.pairs[step & 1];
    return P::kSource == kReset ? space_.reset : space_.h[step & 1];
  }

  // Rounds the inputs of `count` steps to pairs.
  void round_inputs(Index start, Index count) {
    T* to = pairs_of_inputs();
    for (Index step = start; step < start + count; ++step) {
      for (Index row = rows_.begin; row < rows_.end; ++row, to += space_.input_stride) {
        Tiles::round(to, call_.x + row * call_.x_batch + time(step) * call_.x_time, layer_.inputs, layer_.input_rows);
      }
    }
  }

  // Rounds the states of this member's rows and units, as they were given.
  void round_states() {
    const Index units = (panels_.end - panels_.begin) * kLanes;
    for (Index row = rows_.begin; row < rows_.end; ++row) {
      T* const kept[] = {space_.pairs[0], space_.pairs[1], space_.reset_pairs};
      for (T* pairs : kept) {
        if (pairs == nullptr) continue;
        T* to = pairs + row * space_.pair_stride;
        Tiles::round(to + first_unit() / 2, state(0, 0, row) + first_unit(), units, units / 2);
        if (panels_.end == layer_.panels) Tiles::clear(to, layer_.padded() / 2, layer_.recurrent_rows);
      }
    }
  }

  void step(Index step, Index in_chunk) {
    if constexpr (Tiles::kPairs) {
      if (!plan_.ahead) round_inputs(step, 1);
    }
    run_phase<First>(layer_.phase[0], step, in_chunk);
    wait();
    if constexpr (kTwoPhases) {
      run_phase<Second>(layer_.phase[1], step, in_chunk);
      wait();
    }
  }

  // One phase of one step. Every other step walks the panels backwards: what is still in the cache is used first.
  template <class P>
  void run_phase(const Phase<T>& phase, Index step, Index in_chunk) {
    const Blocks blocks(rows_.end - rows_.begin, Tiles::rows_for(P::kGates));
    if (blocks.size() == 0) return;
    const int together = Tiles::panels_for(blocks.most(), P::kGates);
    const Index groups = (panels_.end - panels_.begin + together - 1) / together;
    for (Index i = 0; i < groups; ++i) {
      const bool forwards = (step & 1) == 0;
      const Index panel = panels_.begin + (forwards ? i : groups - 1 - i) * together;
      const Index next = i + 1 == groups ? panel : panel + (forwards ? together : -together);
      run_panels<P>(phase, blocks, step, in_chunk, panel, static_cast<int>(lesser(panels_.end - panel, together)),
                    next);
    }
  }

  template <class P>
  void run_panels(const Phase<T>& phase, const Blocks& blocks, Index step, Index in_chunk, Index panel, int panels,
                  Index next) {
    alignas(kBytes) T sums[Tiles::rows_for(3) * kMaxPanels * kMaxSumsOfUnit * kLanes];
    const Index input_panel = layer_.input_rows * P::kGates * kLanes;
    const Index recurrent_panel = layer_.recurrent_rows * P::kGates * kLanes;
    TileCall<T> tile;
    tile.inputs = plan_.ahead ? 0 : layer_.input_rows;
    tile.units = layer_.recurrent_rows;
    tile.input = phase.input + panel * input_panel;
    tile.recurrent = phase.recurrent + panel * recurrent_panel;
    tile.bias = phase.bias + panel * P::kSums * kLanes;
    tile.start[0] = nullptr;
    const Fetcher fetcher{phase.input + next * input_panel, phase.recurrent + next * recurrent_panel,
                          tile.inputs * P::kGates * kLanes, tile.units * P::kGates * kLanes, blocks.size()};
    const T* source = this->template source<P>(step);
    const Index source_stride = Tiles::kPairs ? space_.pair_stride : space_.stride;
    for (Index block = 0; block < blocks.size(); ++block) {
      const Index row = rows_.begin + blocks.begin(block);
      const int height = blocks.rows(block);
      for (int r = 0; r < height; ++r) {
        tile.h[r] = source + (row + r) * source_stride;
        tile.out[r] = sums + r * panels * P::kSums * kLanes;
        if (plan_.ahead) {
          const Index item = in_chunk * (rows_.end - rows_.begin) + (row + r - rows_.begin);
          tile.start[r] = ahead_row(item, ahead_offset<P>()) + (panel - panels_.begin) * P::kGates * kLanes;
        } else {
          tile.x[r] = input_row(row + r, step, 0);
        }
      }
      tile.fetch = fetcher.share(block, tile.inputs, tile.units);
      if (plan_.far) fetch_units<P>(step, row, height, panel, panels);
      tiles_.template tile<P>(height, panels, tile);
      finish<P>(sums, step, row, height, panel, panels);
    }
  }

  // Shares the weights of the next panel among the blocks of rows of this one, to be fetched by their tiles.
  struct Fetcher {
    const T* input;
    const T* recurrent;
    Index input_size;
    Index recurrent_size;
    Index blocks;

    Fetch<T> share(Index block, Index inputs, Index units) const {
      const Index size = input_size + recurrent_size;
      const Index first = size * block / blocks;
      const Index pairs = inputs / 2 + units / 2;
      const Index step = pairs != 0 ? size / (blocks * pairs) + 1 : 0;
      return {first < input_size ? input + first : recurrent + (first - input_size), lesser(step, 64 / sizeof(T))};
    }
  };

  // The cell's equation for the sums of one tile.
  template <class P>
  void finish(const T* sums, Index step, Index first, int height, Index panel, int panels) {
    const Index t = time(step);
    const Pointers now{space_.h[step & 1], space_.h[(step + 1) & 1], space_.c, space_.update, space_.reset};
    T* const pairs = (P::kWrites & kH) != 0 ? space_.pairs[(step + 1) & 1] : space_.reset_pairs;
    const Index stride = space_.stride;
    for (int r = 0; r < height; ++r) {
      const Index row = first + r;
      T* y = (P::kWrites & kH) != 0 ? output(step, row) : nullptr;
      if (masked(row, t)) {
        if constexpr ((P::kWrites & kH) != 0) keep(now, step, row, panel, panels);
        if constexpr (Tiles::kPairs && (P::kWrites & kH) != 0) {
          const T* old = space_.pairs[step & 1] + row * space_.pair_stride;
          T* kept = pairs + row * space_.pair_stride;
          for (Index u = panel * kLanes / 2; u < (panel + panels) * kLanes / 2; ++u) kept[u] = old[u];
        }
        sums += panels * P::kSums * kLanes;
        continue;
      }
      for (int p = 0; p < panels; ++p) {
        const Index unit = (panel + p) * kLanes;
        const Vec<T> h = apply<P>(sums, now, row * stride + unit);
        if constexpr (Tiles::kPairs) Tiles::round(pairs + row * space_.pair_stride + unit / 2, h);
        sums += P::kSums * kLanes;
        if (y != nullptr) put(y + unit, h, lesser(layer_.units - unit, kLanes));
      }
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

  struct Pointers {
    const T* h;
    T* new_h;
    T* c;
    T* update;
    T* reset;
  };

  template <class P>
  GATEWISE_INLINE Vec<T> apply(const T* sums, const Pointers& now, Index at) {
    Vec<T> z[P::kSums];
#pragma GCC unroll 4
    for (int s = 0; s < P::kSums; ++s) z[s] = load<T>(sums + s * kLanes);
    Unit<T> unit;
    if constexpr ((P::kReads & kH) != 0) unit.h = load<T>(now.h + at);
    if constexpr ((P::kReads & kC) != 0) unit.c = load<T>(now.c + at);
    if constexpr ((P::kReads & kUpdate) != 0) unit.update = load<T>(now.update + at);
    P::template apply<T>(z, unit, act_, gate_);
    if constexpr ((P::kWrites & kH) != 0) store<T>(now.new_h + at, unit.h);
    if constexpr ((P::kWrites & kC) != 0) store<T>(now.c + at, unit.c);
    if constexpr ((P::kWrites & kUpdate) != 0) store<T>(now.update + at, unit.update);
    if constexpr ((P::kWrites & kReset) != 0) store<T>(now.reset + at, unit.reset);
    return (P::kWrites & kH) != 0 ? unit.h : unit.reset;
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
  void keep(const Pointers& now, Index step, Index row, Index panel, int panels) {
    const Index begin = panel * kLanes;
    const Index end = (panel + panels) * kLanes;
    const Index at = row * space_.stride;
    for (Index u = begin; u < end; ++u) now.new_h[at + u] = now.h[at + u];
    T* y = output(step, row);
    const bool zero = call_.zero_masked || (call_.sequences && step == 0);
    if (!zero && !call_.sequences) return;
    for (Index u = begin; u < lesser(end, layer_.units); ++u) y[u] = zero ? T(0) : y[u - layer_.units];
  }

  const Layer<T>& layer_;
  const Sequence<T>& call_;
  const Plan& plan_;
  const Workspace<T>& space_;
  Team& team_;
  const Index member_;
  const Act act_;
  const Gate gate_;
  const Share rows_;
  const Share panels_;
  T* const ahead_;
  Tiles tiles_;
};

}  // namespace gatewise::GATEWISE_ISA
