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

inline Share share(Index count, Index member, Index members) {
  return {count * member / members, count * (member + 1) / members};
}

// `count` rows in blocks of at most kMaxRows and as even as can be: 16 rows are 6 + 5 + 5, not 6 + 6 + 4.
class Blocks {
 public:
  explicit Blocks(Index count)
      : blocks_((count + kMaxRows - 1) / kMaxRows),
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

template <class T, class CellType, class Act, class Gate>
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
        blocks_(rows_.end - rows_.begin),
        ahead_(space.ahead + member * space.ahead_size) {}

  void run() {
    load_states();
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
    return (which == 0 ? space_.h[step & 1] : space_.c) + row * layer_.padded();
  }

  void load_states() {
    for (int which = 0; which < layer_.states; ++which) {
      const T* from = call_.initial[which];
      for (Index row = rows_.begin; row < rows_.end; ++row) {
        T* to = state(which, 0, row);
        for (Index u = first_unit(); u < panels_.end * kLanes; ++u) {
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
      for (Index u = first_unit(); u < end_unit(); ++u) to[row * layer_.units + u] = from[u];
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
    look_ahead_phase<First>(layer_.phase[0], start, count);
    if constexpr (kTwoPhases) look_ahead_phase<Second>(layer_.phase[1], start, count);
  }

  template <class P>
  void look_ahead_phase(const Phase<T>& phase, Index start, Index count) {
    const Index rows = rows_.end - rows_.begin;
    const Blocks blocks(count * rows);
    if (blocks.size() == 0) return;
    const int together = panels_for(blocks.most(), P::kSums);
    TileCall<T> tile{};
    tile.inputs = layer_.inputs;
    for (Index panel = panels_.begin; panel < panels_.end; panel += together) {
      const Index left = panels_.end - panel;
      const int panels = static_cast<int>(left < together ? left : together);
      tile.input = phase.input + panel * layer_.inputs * P::kGates * kLanes;
      tile.bias = phase.bias + panel * P::kSums * kLanes;
      for (Index block = 0; block < blocks.size(); ++block) {
        const int height = blocks.rows(block);
        for (int r = 0; r < height; ++r) {
          const Index item = blocks.begin(block) + r;
          tile.x[r] = input_row(rows_.begin + item % rows, start + item / rows);
          tile.out[r] = ahead_row(item, ahead_offset<P>()) + (panel - panels_.begin) * P::kGates * kLanes;
        }
        kTiles<T, P::kGates, P::kSums>.project[height - 1][panels - 1](tile);
      }
    }
  }

  const T* input_row(Index row, Index step) const { return call_.x + row * call_.x_batch + time(step) * call_.x_time; }

  void step(Index step, Index in_chunk) {
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
    if (blocks_.size() == 0) return;
    const int together = panels_for(blocks_.most(), P::kSums);
    const Index groups = (panels_.end - panels_.begin + together - 1) / together;
    for (Index i = 0; i < groups; ++i) {
      const Index group = (step & 1) == 0 ? i : groups - 1 - i;
      const Index panel = panels_.begin + group * together;
      const Index left = panels_.end - panel;
      run_panels<P>(phase, step, in_chunk, panel, static_cast<int>(left < together ? left : together));
    }
  }

  template <class P>
  void run_panels(const Phase<T>& phase, Index step, Index in_chunk, Index panel, int panels) {
    alignas(kBytes) T sums[kMaxSums * kLanes];
    TileCall<T> tile{};
    tile.inputs = plan_.ahead ? 0 : layer_.inputs;
    tile.units = layer_.units;
    tile.input = phase.input + panel * layer_.inputs * P::kGates * kLanes;
    tile.recurrent = phase.recurrent + panel * layer_.units * P::kGates * kLanes;
    tile.bias = phase.bias + panel * P::kSums * kLanes;
    const T* source = P::kSource == kReset ? space_.reset : space_.h[step & 1];
    for (Index block = 0; block < blocks_.size(); ++block) {
      const Index row = rows_.begin + blocks_.begin(block);
      const int height = blocks_.rows(block);
      for (int r = 0; r < height; ++r) {
        tile.h[r] = source + (row + r) * layer_.padded();
        tile.out[r] = sums + r * panels * P::kSums * kLanes;
        if (plan_.ahead) {
          const Index item = in_chunk * (rows_.end - rows_.begin) + (row + r - rows_.begin);
          tile.start[r] = ahead_row(item, ahead_offset<P>()) + (panel - panels_.begin) * P::kGates * kLanes;
        } else {
          tile.x[r] = input_row(row + r, step);
        }
      }
      kTiles<T, P::kGates, P::kSums>.tile[height - 1][panels - 1](tile);
      finish<P>(sums, step, row, height, panel, panels);
    }
  }

  // The cell's equation for the sums of one tile.
  template <class P>
  void finish(const T* sums, Index step, Index first, int height, Index panel, int panels) {
    const Index t = time(step);
    for (int r = 0; r < height; ++r) {
      const Index row = first + r;
      const bool skip = masked(row, t);
      for (int p = 0; p < panels; ++p) {
        const Index at = row * layer_.padded() + (panel + p) * kLanes;
        if (skip) {
          if constexpr ((P::kWrites & kH) != 0) keep(step, row, panel + p);
        } else {
          apply<P>(sums + (r * panels + p) * P::kSums * kLanes, step, at);
          if constexpr ((P::kWrites & kH) != 0) write(step, row, panel + p, load<T>(space_.h[(step + 1) & 1] + at));
        }
      }
    }
  }

  template <class P>
  GATEWISE_INLINE void apply(const T* sums, Index step, Index at) {
    Vec<T> z[P::kSums];
#pragma GCC unroll 4
    for (int s = 0; s < P::kSums; ++s) z[s] = load<T>(sums + s * kLanes);
    Unit<T> unit;
    if constexpr ((P::kReads & kH) != 0) unit.h = load<T>(space_.h[step & 1] + at);
    if constexpr ((P::kReads & kC) != 0) unit.c = load<T>(space_.c + at);
    if constexpr ((P::kReads & kUpdate) != 0) unit.update = load<T>(space_.update + at);
    P::template apply<T>(z, unit, act_, gate_);
    if constexpr ((P::kWrites & kH) != 0) store<T>(space_.h[(step + 1) & 1] + at, unit.h);
    if constexpr ((P::kWrites & kC) != 0) store<T>(space_.c + at, unit.c);
    if constexpr ((P::kWrites & kUpdate) != 0) store<T>(space_.update + at, unit.update);
    if constexpr ((P::kWrites & kReset) != 0) store<T>(space_.reset + at, unit.reset);
  }

  Index lanes(Index panel) const {
    const Index left = layer_.units - panel * kLanes;
    return left < kLanes ? left : kLanes;
  }

  GATEWISE_INLINE static void put(T* to, Vec<T> v, Index lanes) {
    if (lanes == kLanes) {
      store<T>(to, v);
    } else {
      store_some<T>(to, v, lanes);
    }
  }

  // Writes the output of a step that is not masked.
  GATEWISE_INLINE void write(Index step, Index row, Index panel, Vec<T> h) {
    if (call_.sequences) {
      put(call_.y + (row * call_.steps + step) * layer_.units + panel * kLanes, h, lanes(panel));
    } else if (call_.mask != nullptr) {
      put(call_.y + row * layer_.units + panel * kLanes, h, lanes(panel));
    }
  }

  // A masked step: the state goes through, the output is the last one (zeros before the first, or zeros always).
  void keep(Index step, Index row, Index panel) {
    const Index at = row * layer_.padded() + panel * kLanes;
    store<T>(space_.h[(step + 1) & 1] + at, load<T>(space_.h[step & 1] + at));
    const Index count = lanes(panel);
    if (!call_.sequences) {
      if (call_.zero_masked) put(call_.y + row * layer_.units + panel * kLanes, Vec<T>{}, count);
      return;
    }
    T* to = call_.y + (row * call_.steps + step) * layer_.units + panel * kLanes;
    for (Index i = 0; i < count; ++i) to[i] = call_.zero_masked || step == 0 ? T(0) : to[i - layer_.units];
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
  const Blocks blocks_;
  T* const ahead_;
};

}  // namespace gatewise::GATEWISE_ISA
