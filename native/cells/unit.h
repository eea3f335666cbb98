// What the equation of a cell reads and writes: one vector of hidden units.
#pragma once

#include "base/simd.h"

namespace gatewise::GATEWISE_ISA {

template <class T>
struct Unit {
  Vec<T> h;       // the state that is also the output
  Vec<T> c;       // LSTM: the cell state
  Vec<T> update;  // GRU, between its phases: z
  Vec<T> reset;   // GRU, between its phases: r * h
};

// Members of Unit that a phase reads or writes.
enum Field : unsigned { kNone = 0, kH = 1, kC = 2, kUpdate = 4, kReset = 8 };

}  // namespace gatewise::GATEWISE_ISA
