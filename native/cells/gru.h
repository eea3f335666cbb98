// GRU (Cho et al. 2014): the reset gate is applied to the state before its matrix product. Gates z, r, h.
#pragma once

#include "cells/unit.h"

namespace gatewise::GATEWISE_ISA {

struct Gru {
  static constexpr int kPhases = 2;

  struct First {
    static constexpr int kGates = 2;
    static constexpr int kSums = 2;
    static constexpr unsigned kSource = kH;
    static constexpr unsigned kReads = kH;
    static constexpr unsigned kWrites = kUpdate | kReset;

    template <class T, int kMany, class Act, class Gate>
    GATEWISE_INLINE static void apply(const Vec<T> (&z)[kMany][kSums], Unit<T> (&u)[kMany], Act /*act*/, Gate gate) {
#pragma GCC unroll 4
      for (int i = 0; i < kMany; ++i) {
        u[i].update = gate(z[i][0]);
        u[i].reset = gate(z[i][1]) * u[i].h;
      }
    }
  };

  struct Second {
    static constexpr int kGates = 1;
    static constexpr int kSums = 1;
    static constexpr unsigned kSource = kReset;
    static constexpr unsigned kReads = kH | kUpdate;
    static constexpr unsigned kWrites = kH;

    template <class T, int kMany, class Act, class Gate>
    GATEWISE_INLINE static void apply(const Vec<T> (&z)[kMany][kSums], Unit<T> (&u)[kMany], Act act, Gate /*gate*/) {
#pragma GCC unroll 4
      for (int i = 0; i < kMany; ++i) u[i].h = fma(u[i].update, u[i].h, (T(1) - u[i].update) * act(z[i][0]));
    }
  };
};

}  // namespace gatewise::GATEWISE_ISA
