// Inputs multiplied by the kernel for many steps at once, before the steps: their partial sums wait in memory.
#pragma once

#include "recurrence/tiles.h"

namespace gatewise::GATEWISE_ISA {

// Multiplies the inputs of `count` steps from `start` on, all rows of a member, for one phase.
template <class P, class T, class C, class Operands>
void look_ahead(const Member<T, C>& m, Operands& operands, Index start, Index count) {
  const Index rows = m.row_count();
  const Blocks blocks(count * rows, Operands::rows_for(P::kGates));
  if (blocks.size() == 0) return;
  const Groups groups = groups_of<P, Operands>(m, blocks);
  for (Index i = 0; i < groups.count; ++i) {
    const Group group = groups.at(i);
    const Index before = (group.panel - m.panels.begin) * P::kGates * kWidth<T>;
    TileCall<T> tile = tile_of<P>(m.layer, group.panel);
    tile.units = 0;
    Index step = 0;
    Index row = 0;
    for (Index block = 0; block < blocks.size(); ++block) {
      const int height = blocks.rows(block);
      for (int r = 0; r < height; ++r) {
        tile.x[r] = operands.input_row(m.rows.begin + row, start + step, step);
        tile.out[r] = m.ahead(step * rows + row, P::kFacts.first_gate) + before;
        if (++row == rows) {
          row = 0;
          ++step;
        }
      }
      operands.template project<P>(height, group, tile);
    }
  }
}

}  // namespace gatewise::GATEWISE_ISA
