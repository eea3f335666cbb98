// What the equation of a cell works on: one vector of hidden units.
#pragma once

#include "base/simd.h"
#include "cells/facts.h"

namespace gatewise::GATEWISE_ISA {

// The fields of the cell C, its states first, and the unit's own weights, in the order of the cell's facts.
template <class T, class C>
struct Unit {
  static constexpr CellFacts kFacts = facts_of<C>();
  Vec<T> fields[kFacts.fields()];
  Vec<T> weights[kFacts.unit_rows() != 0 ? kFacts.unit_rows() : 1];
};

// One phase of a cell as functions on vectors, each for some vectors together, so that one may go on where another
// waits: `forward` here; the backward has its place beside it.
//
//   forward(z, u, act, gate)   z[i] are the sums of the units u[i]; reads and writes the fields that the facts say
template <class C, int kPhase>
struct Equation;

}  // namespace gatewise::GATEWISE_ISA
