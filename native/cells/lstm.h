// LSTM (Hochreiter and Schmidhuber 1997; forget gate: Gers, Schmidhuber and Cummins 2000). Gates i, f, c, o.
#pragma once

#include "cells/unit.h"

namespace gatewise::GATEWISE_ISA {

struct Lstm {
  static constexpr int kPhases = 1;

  struct First {
    static constexpr int kGates = 4;
    static constexpr int kSums = 4;
    static constexpr unsigned kSource = kH;
    static constexpr unsigned kReads = kC;
    static constexpr unsigned kWrites = kH | kC;

    template <class T, int kMany, class Act, class Gate>
    GATEWISE_INLINE static void apply(const Vec<T> (&z)[kMany][kSums], Unit<T> (&u)[kMany], Act act, Gate gate) {
#pragma GCC unroll 4
      for (int i = 0; i < kMany; ++i) u[i].c = fma(gate(z[i][1]), u[i].c, gate(z[i][0]) * act(z[i][2]));
#pragma GCC unroll 4
      for (int i = 0; i < kMany; ++i) u[i].h = gate(z[i][3]) * act(u[i].c);
    }
  };
  using Second = First;
};

}  // namespace gatewise::GATEWISE_ISA
