// The time loop, the same for every cell and every kind of operands: products by tiles, then the cell's equation, panel
// by panel.
#pragma once

#include "base/each.h"
#include "recurrence/application.h"
#include "recurrence/look_ahead.h"
#include "recurrence/prefetch.h"
#include "recurrence/states.h"
#include "threads/team.h"

namespace gatewise::GATEWISE_ISA {

// The share of one member of the team. `Operands` is a policy: plain.h says what it offers.
template <class T, class C, class Operands>
class Driver {
 public:
  Driver(const Part<T>& part, const Equations<T, C, Operands>& equations)
      : m_(part.layer, part.call, part.division, part.space, part.member),
        team_(part.team),
        member_(part.member),
        until_look_(part.division.look),
        operands_(m_),
        equations_(equations),
        soon_(m_.call.soon, lay_out(m_.row_count()) * m_.call.steps) {}

  // From the step `from` on, to the end or to where the team leaves off.
  Index run(Index from) {
    const Index steps = m_.call.steps;
    if (from == 0) {
      load_states(m_);
      fill_before(m_);
      operands_.begin();
    }
    Index now = from;
    for (bool on = meet(); on && now < steps;) {
      const Index start = now;
      const Index count = lesser(steps - start, m_.division.chunk);
      if (m_.division.ahead) {
        operands_.take_inputs(start, count);
        each<kPhases>([&](auto i) { look_ahead<At<i>>(m_, operands_, start, count); });
      }
      Index items = 0;
      for (; on && now < start + count; ++now) {
        const Index rows = m_.rows_at(now);
        if (rows == 0) continue;
        if (rows != rows_) lay_out(rows);
        on = step(now, items);
        items += rows;
      }
    }
    if (now == steps) {
      store_states(m_);
      fill_after(m_);
    }
    return now;
  }

 private:
  static constexpr int kPhases = facts_of<C>().phases.size();
  static constexpr Index kLanes = kWidth<T>;

  template <int kPhase>
  using At = CellPhase<C, kPhase>;

  // The sums of the tile that is being made, and of those before that still wait.
  using Sums = TileSums<T, Operands::kBeside ? 2 : 1, Operands::kRowsWaiting>;

  // Lays out the walks for steps of so many rows; returns the tiles of one.
  Index lay_out(Index rows) {
    rows_ = rows;
    Index tiles = 0;
    each<kPhases>([&](auto i) {
      walks_[i] = walk_of<At<i>, Operands>(m_, rows);
      tiles += walks_[i].blocks.size() * walks_[i].groups.count;
    });
    return tiles;
  }

  // Waits for the other members, where they divide the units; says whether to go on.
  bool meet() { return m_.division.split_units ? team_.barrier(member_) : !team_.stopped(); }

  // `items` rows of earlier steps are in the same chunk. Says whether to go on. (Not in the middle of a step: what was
  // heard between its phases is heard again at its end.)
  bool step(Index step, Index items) {
    operands_.begin_step(step);
    bool on = true;
    each<kPhases>([&](auto i) {
      if constexpr (i != 0) operands_.template fetch_source<At<i>>(step, rows_);
      run_phase<At<i>>(step, items);
      if constexpr (i + 1 == kPhases) look();
      if (i + 1 == kPhases || m_.division.split_units) on = meet();
    });
    operands_.template fetch_source<At<0>>(step + 1, rows_);
    return on;
  }

  void look() {
    if (member_ != 0 || --until_look_ != 0) return;
    until_look_ = m_.division.look;
    team_.look();
  }

  // One phase of one step. Every other step walks the panels backwards: what is still in the cache is used first.
  template <class P>
  void run_phase(Index step, Index items) {
    operands_.template begin_phase<P>(step, rows_);
    const Groups& groups = walks_[P::kIndex].groups;
    const bool forwards = (step & 1) == 0;
    const auto turn = [&](Index i) { return forwards ? i : groups.count - 1 - i; };
    Sums sums;
    Waiting<T> waiting;
    for (Index i = 0; i < groups.count; ++i) {
      const Group next = groups.at(turn(i + 1 == groups.count ? i : i + 1));
      run_group<P>(step, items, groups.at(turn(i)), next.panel, sums, waiting);
    }
    advance<P>(waiting, waiting.end);
  }

  // All rows of a group of panels. `next` is the panel that comes after.
  template <class P>
  void run_group(Index step, Index items, Group group, Index next, Sums& sums, Waiting<T>& waiting) {
    const Walk& walk = walks_[P::kIndex];
    const Index before = (group.panel - m_.panels.begin) * P::kGates * kLanes;
    TileCall<T> tile = tile_of<P>(m_.layer, group.panel);
    if (m_.division.ahead) tile.inputs = 0;
    const T* const source = operands_.template source<P>(step);
    T* out = nullptr;
    if constexpr (!Operands::kBeside) {
      out = sums.take();
      waiting = {out, step, m_.rows.begin, m_.rows.begin, group};
    }
    for (Index block = 0; block < walk.blocks.size(); ++block) {
      const Index row = m_.rows.begin + walk.blocks.begin(block);
      const int height = walk.blocks.rows(block);
      out = room_for<P>(height, sums, waiting, out);
      for (int r = 0; r < height; ++r) {
        tile.h[r] = source + (row + r) * operands_.source_stride();
        tile.out[r] = out + r * group.template vectors<P>() * kLanes;
        if (m_.division.ahead) {
          tile.start[r] = m_.ahead(items + row + r, P::kFacts.first_gate) + before;
        } else {
          tile.x[r] = operands_.input_row(row + r, step, row + r);
        }
      }
      operands_.template fetch<P>(tile, walk, block, step, row, height, group, next);
      soon_.fetch();
      operands_.template multiply<P>(height, group, tile, waiting, [&](Index end) { advance<P>(waiting, end); });
      if constexpr (Operands::kBeside) waiting = {out, step, row, row, group};
      waiting.end = row + height;
      out += height * group.template vectors<P>() * kLanes;
    }
    if constexpr (!Operands::kBeside) advance<P>(waiting, waiting.end);
  }

  // Where the sums of a tile go: beside those that wait for the equation, or `after` them as long as there is room.
  template <class P>
  GATEWISE_INLINE T* room_for(int height, Sums& sums, Waiting<T>& waiting, T* after) {
    if constexpr (Operands::kBeside) return sums.take();
    if (waiting.end - waiting.row + height <= Operands::kRowsWaiting) return after;
    advance<P>(waiting, waiting.end);
    waiting.sums = sums.take();
    return waiting.sums;
  }

  // Applies the cell's equation to the rows that wait, up to `end`.
  template <class P>
  void advance(Waiting<T>& waiting, Index end) {
    const Index count = end - waiting.row;
    if (count == 0) return;
    operands_.template mend<P>(waiting, count);
    equations_.apply[P::kIndex](m_, operands_, waiting, count);
    waiting.sums += count * waiting.group.template vectors<P>() * kLanes;
    waiting.row = end;
  }

  const Member<T, C> m_;
  Team& team_;
  const Index member_;
  Index until_look_;  // steps
  Index rows_ = 0;    // that the walks are for
  Operands operands_;
  const Equations<T, C, Operands>& equations_;
  Walk walks_[kPhases];
  SoonPrefetch<T> soon_;
};

}  // namespace gatewise::GATEWISE_ISA
