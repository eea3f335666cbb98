// GRU as cuDNN has it: the reset gate is applied after the state's matrix product. Gates z, r, h; the sums of the last
// gate stay apart, z[2] from the input and z[3] from the state.
#pragma once

#include "cells/unit.h"

namespace gatewise::GATEWISE_ISA {

struct GruResetAfter {
  static constexpr int kPhases = 1;

  struct First {
    static constexpr int kGates = 3;
    static constexpr int kSums = 4;
    static constexpr unsigned kSource = kH;
    static constexpr unsigned kReads = kH;
    static constexpr unsigned kWrites = kH;

    template <class T, int kMany, class Act, class Gate>
    GATEWISE_INLINE static void apply(const Vec<T> (&z)[kMany][kSums], Unit<T> (&u)[kMany], Act act, Gate gate) {
      Vec<T> candidate[kMany];
#pragma GCC unroll 4
      for (int i = 0; i < kMany; ++i) candidate[i] = fma(gate(z[i][1]), z[i][3], z[i][2]);
#pragma GCC unroll 4
      for (int i = 0; i < kMany; ++i) {
        const Vec<T> update = gate(z[i][0]);
        u[i].h = fma(update, u[i].h, (T(1) - update) * act(candidate[i]));
      }
    }
  };
  using Second = First;
};

}  // namespace gatewise::GATEWISE_ISA
