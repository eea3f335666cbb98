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

// The sums of all phases of the cell C for one vector of units, where the equation has put its activated gates.
template <class T, class C>
using Gates = Vec<T>[facts_of<C>().sums()];

// One phase of a cell as functions on vectors.
//
//   forward(z, u, act, gate)   for some vectors together, so that one may go on where another waits. z[i] are the sums
//                              of the units u[i], in place of which it leaves the activated gates; reads and writes the
//                              fields that the facts say
//   backward(z, before, after, d, dz, act, gate)
//                              z: the gates of all phases; the states before the step, and after it; d: the gradients
//                              of the fields after it, in place of which it leaves those before it, but for what goes
//                              through the product; dz: the gradients of this phase's sums. act.slope(y) is the
//                              derivative where the activation is y
template <class C, int kPhase>
struct Equation;

}  // namespace gatewise::GATEWISE_ISA
