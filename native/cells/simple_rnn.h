// SimpleRNN (Elman 1990): the output is the state.
#pragma once

#include "cells/unit.h"

namespace gatewise::GATEWISE_ISA {

struct SimpleRnn {
  static constexpr int kPhases = 1;

  struct First {
    static constexpr int kGates = 1;
    static constexpr int kSums = 1;
    static constexpr unsigned kSource = kH;
    static constexpr unsigned kReads = kNone;
    static constexpr unsigned kWrites = kH;

    template <class T, int kMany, class Act, class Gate>
    GATEWISE_INLINE static void apply(const Vec<T> (&z)[kMany][kSums], Unit<T> (&u)[kMany], Act act, Gate /*gate*/) {
#pragma GCC unroll 4
      for (int i = 0; i < kMany; ++i) u[i].h = act(z[i][0]);
    }
  };
  using Second = First;
};

}  // namespace gatewise::GATEWISE_ISA
