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
  GATEWISE_INLINE static void forward(Vec<T> (&z)[kMany][4], Unit<T, GruResetAfter> (&u)[kMany], Act act, Gate gate) {
#pragma GCC unroll 4
    for (int k = 0; k < kMany; ++k) {
      auto& [update, reset, candidate, product] = z[k];
      reset = gate(reset);
      candidate = fma(reset, product, candidate);
    }
#pragma GCC unroll 4
    for (int k = 0; k < kMany; ++k) {
      auto& [h] = u[k].fields;
      auto& [update, reset, candidate, product] = z[k];
      update = gate(update);
      candidate = act(candidate);
      h = fma(update, h, (T(1) - update) * candidate);
    }
  }

  template <class T, class Act, class Gate>
  GATEWISE_INLINE static void backward(const Gates<T, GruResetAfter>& z, const Unit<T, GruResetAfter>& before,
                                       const Unit<T, GruResetAfter>& /*after*/, Unit<T, GruResetAfter>& d,
                                       Vec<T> (&dz)[4], Act act, Gate gate) {
    const auto& [update, reset, candidate, product] = z;
    auto& [dh] = d.fields;
    dz[0] = dh * (before.fields[GruResetAfter::kH] - candidate) * gate.slope(update);
    dz[2] = dh * (T(1) - update) * act.slope(candidate);
    dz[1] = dz[2] * product * gate.slope(reset);
    dz[3] = dz[2] * reset;
    dh = dh * update;
  }
};

}  // namespace gatewise::GATEWISE_ISA
#endif
