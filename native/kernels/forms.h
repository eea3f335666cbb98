// Forms of packed weights that the kernels fix, whatever the instruction set.
#pragma once

#include "base/index.h"
#include "cells/facts.h"

namespace gatewise {

// Tiles multiply sums of bfloat16 numbers: one, to which a number is rounded, or three, which hold all of a float.
inline constexpr int kFloatParts = 3;
inline constexpr Index kTilePairs = 16;  // pairs of rows in a tile of weights

// Weights, inputs and states that reach this go to the vectors instead: no product of tiles overflows.
inline constexpr float kTileLimit = 0x1p60F;

// Where few units are left past the last whole vector, one vector holds all their gates: so many gates, each of
// width / kFold units. (33 units of an LSTM take 9 vectors in place of 12.)
inline constexpr Index kFold = 4;

// Of one or two gates there is little to fold, and of a vector of two lanes nothing.
constexpr bool folds(int gates, Index width) { return gates >= 3 && width >= kFold; }

// A cell's units are folded in all of its phases or in none.
constexpr bool folds(const CellFacts& cell, Index width) {
  for (const PhaseFacts& phase : cell.phases) {
    if (!folds(phase.gates, width)) return false;
  }
  return true;
}

}  // namespace gatewise
