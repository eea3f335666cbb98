// LSTM (Hochreiter and Schmidhuber 1997; forget gate: Gers, Schmidhuber and Cummins 2000). Gates i, f, c, o.
#pragma once

#include "unit.h"

namespace gatewise::GATEWISE_ISA {

struct Lstm {
  static constexpr int kPhases = 1;

  struct First {
    static constexpr int kGates = 4;
    static constexpr int kSums = 4;
    static constexpr unsigned kSource = kH;
    static constexpr unsigned kReads = kC;
    static constexpr unsigned kWrites = kH | kC;

    template <class T, class Act, class Gate>
    GATEWISE_INLINE static void apply(const Vec<T> (&z)[kSums], Unit<T>& u, Act act, Gate gate) {
      u.c = fma(gate(z[1]), u.c, gate(z[0]) * act(z[2]));
      u.h = gate(z[3]) * act(u.c);
    }
  };
  using Second = First;
};

}  // namespace gatewise::GATEWISE_ISA
