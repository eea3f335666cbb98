// From a member's walk to the calls of tiles: which weights a tile reads, and what waits for the equation after it.
#pragma once

#include "kernels/tile.h"
#include "recurrence/member.h"

namespace gatewise::GATEWISE_ISA {

// How a member goes through a phase, in every step of as many rows alike. The tiles of a block fetch its share of the
// next panel's weights.
struct Walk {
  Blocks blocks{0, 1};
  Groups groups;
  Index fetch_in_block = 0;
  Index fetch_at_once = 0;
};

// The groups of panels for blocks of so many rows.
template <class P, class Operands, class T, class C>
Groups groups_of(const Member<T, C>& m, const Blocks& blocks) {
  return {m.panels, m.whole, Operands::panels_for(blocks.most(), P::kGates)};
}

template <class P, class Operands, class T, class C>
Walk walk_of(const Member<T, C>& m, Index rows) {
  constexpr auto line = static_cast<Index>(costs::kLine / sizeof(T));
  const Blocks blocks(rows, Operands::rows_for(P::kGates));
  if (blocks.size() == 0) return {blocks, {}, 0, 0};
  const Index inputs = m.division.ahead ? 0 : m.layer.input_rows;
  const Index pairs = inputs / 2 + m.layer.recurrent_rows / 2;
  const Index part = (inputs + m.layer.recurrent_rows) * P::kGates * kWidth<T> / blocks.size();
  return {blocks, groups_of<P, Operands>(m, blocks), part, pairs != 0 ? lesser(part / pairs + 1, line) : 0};
}

// A tile of the panels from `panel` on, that begins with the bias and fetches nothing; its rows are yet to be given.
template <class P, class T>
TileCall<T> tile_of(const PackedLayer<T>& layer, Index panel) {
  constexpr Index lanes = kWidth<T>;
  const PackedPhase<T>& phase = layer.phase[P::kIndex];
  TileCall<T> tile;
  tile.inputs = layer.input_rows;
  tile.units = layer.recurrent_rows;
  tile.input = phase.input + panel * layer.input_rows * P::kGates * lanes;
  tile.recurrent = phase.recurrent + panel * layer.recurrent_rows * P::kGates * lanes;
  tile.bias = phase.bias + panel * P::kSums * lanes;
  tile.start[0] = nullptr;
  tile.fetch = {tile.bias, 0};
  return tile;
}

// A tile whose sums are made, and whose rows from `row` on wait for the cell's equation.
template <class T>
struct Waiting {
  T* sums = nullptr;
  Index step = 0;
  Index row = 0;
  Index end = 0;
  Group group;
};

// Memory for the sums of `kTiles` tiles, in turn.
template <class T, int kTiles, int kRows>
class TileSums {
 public:
  T* take() {
    T* const taken = at_[next_];
    next_ = (next_ + 1) % kTiles;
    return taken;
  }

 private:
  alignas(kBytes) T at_[kTiles][kRows * (kMaxPanels * kMaxSumsOfPhase + 2) * kWidth<T>];
  int next_ = 0;
};

}  // namespace gatewise::GATEWISE_ISA
