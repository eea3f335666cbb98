// GRU (Cho et al. 2014): the reset gate is applied to the state before its matrix product. Gates z, r, h.
#pragma once

#include "unit.h"

namespace gatewise::GATEWISE_ISA {

struct Gru {
  static constexpr int kPhases = 2;

  struct First {
    static constexpr int kGates = 2;
    static constexpr int kSums = 2;
    static constexpr unsigned kSource = kH;
    static constexpr unsigned kReads = kH;
    static constexpr unsigned kWrites = kUpdate | kReset;

    template <class T, class Act, class Gate>
    GATEWISE_INLINE static void apply(const Vec<T> (&z)[kSums], Unit<T>& u, Act /*act*/, Gate gate) {
      u.update = gate(z[0]);
      u.reset = gate(z[1]) * u.h;
    }
  };

  struct Second {
    static constexpr int kGates = 1;
    static constexpr int kSums = 1;
    static constexpr unsigned kSource = kReset;
    static constexpr unsigned kReads = kH | kUpdate;
    static constexpr unsigned kWrites = kH;

    template <class T, class Act, class Gate>
    GATEWISE_INLINE static void apply(const Vec<T> (&z)[kSums], Unit<T>& u, Act act, Gate /*gate*/) {
      u.h = fma(u.update, u.h, (T(1) - u.update) * act(z[0]));
    }
  };
};

}  // namespace gatewise::GATEWISE_ISA
