// GRU as cuDNN has it: the reset gate is applied after the state's matrix product. Gates z, r, h; the sums of the last
// gate stay apart, z[2] from the input and z[3] from the state.
#pragma once

#include "unit.h"

namespace gatewise::GATEWISE_ISA {

struct GruResetAfter {
  static constexpr int kPhases = 1;

  struct First {
    static constexpr int kGates = 3;
    static constexpr int kSums = 4;
    static constexpr unsigned kSource = kH;
    static constexpr unsigned kReads = kH;
    static constexpr unsigned kWrites = kH;

    template <class T, class Act, class Gate>
    GATEWISE_INLINE static void apply(const Vec<T> (&z)[kSums], Unit<T>& u, Act act, Gate gate) {
      const Vec<T> update = gate(z[0]);
      const Vec<T> candidate = act(fma(gate(z[1]), z[3], z[2]));
      u.h = fma(update, u.h, (T(1) - update) * candidate);
    }
  };
  using Second = First;
};

}  // namespace gatewise::GATEWISE_ISA
