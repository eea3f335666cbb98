// Inputs multiplied by the kernel for many steps at once, before the steps: their partial sums wait in memory.
#pragma once

#include "recurrence/tiles.h"

namespace gatewise::GATEWISE_ISA {

// Multiplies the inputs of `count` steps from `start` on, all rows that have them, for one phase. An item is a row of a
// step: they are counted as they come.
template <class P, class T, class C, class Operands>
void look_ahead(const Member<T, C>& m, Operands& operands, Index start, Index count) {
  Index items = 0;
  for (Index step = start; step < start + count; ++step) items += m.rows_at(step);
  const Blocks blocks(items, Operands::rows_for(P::kGates));
  if (blocks.size() == 0) return;
  const Groups groups = groups_of<P, Operands>(m, blocks);
  for (Index i = 0; i < groups.count; ++i) {
    const Group group = groups.at(i);
    const Index before = (group.panel - m.panels.begin) * P::kGates * kWidth<T>;
    TileCall<T> tile = tile_of<P>(m.layer, group.panel);
    tile.units = 0;
    Index step = start;
    Index row = 0;
    Index rows = m.rows_at(step);
    Index item = 0;
    for (Index block = 0; block < blocks.size(); ++block) {
      const int height = blocks.rows(block);
      for (int r = 0; r < height; ++r, ++row, ++item) {
        while (row == rows) {
          row = 0;
          rows = m.rows_at(++step);
        }
        tile.x[r] = operands.input_row(row, step, item);
        tile.out[r] = m.ahead(item, P::kFacts.first_gate) + before;
      }
      operands.template project<P>(height, group, tile);
    }
  }
}

}  // namespace gatewise::GATEWISE_ISA
