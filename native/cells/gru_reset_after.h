// GRU as cuDNN has it: the reset gate is applied after the state's matrix product. The sums of the last gate stay
// apart, z[2] from the input and z[3] from the state.
#pragma once

#include "cells/facts.h"

namespace gatewise {

struct GruResetAfter {
  static constexpr const char* name = "gru_reset_after";
  static constexpr const char* gates = "zrh";
  static constexpr const char* states[] = {"h"};
  static constexpr int between = 0;
  static constexpr WeightFact weights[] = {kKernel, kRecurrentKernel, kBiasOfTwoRows};

  enum Field { kH };
  static constexpr PhaseFacts phases[] = {{0, 3, 4, kH, only(kH), only(kH)}};
};

}  // namespace gatewise

#if defined(GATEWISE_ISA)
#include "cells/unit.h"

namespace gatewise::GATEWISE_ISA {

template <>
struct Equation<GruResetAfter, 0> {
  template <class T, int kMany, class Act, class Gate>
  GATEWISE_INLINE static void forward(const Vec<T> (&z)[kMany][4], Unit<T, GruResetAfter> (&u)[kMany], Act act,
                                      Gate gate) {
    Vec<T> candidate[kMany];
#pragma GCC unroll 4
    for (int i = 0; i < kMany; ++i) candidate[i] = fma(gate(z[i][1]), z[i][3], z[i][2]);
#pragma GCC unroll 4
    for (int i = 0; i < kMany; ++i) {
      auto& [h] = u[i].fields;
      const Vec<T> update = gate(z[i][0]);
      h = fma(update, h, (T(1) - update) * act(candidate[i]));
    }
  }
};

}  // namespace gatewise::GATEWISE_ISA
#endif
