// GRU (Cho et al. 2014): the reset gate is applied to the state before its matrix product.
#pragma once

#include "cells/facts.h"

namespace gatewise {

struct Gru {
  static constexpr const char* name = "gru";
  static constexpr const char* gates = "zrh";
  static constexpr const char* states[] = {"h"};
  static constexpr int between = 2;  // z, and r * h
  static constexpr WeightFact weights[] = {kKernel, kRecurrentKernel, kBias};

  enum Field { kH, kUpdate, kReset };
  static constexpr PhaseFacts phases[] = {{0, 2, 2, kH, only(kH), only(kUpdate) | only(kReset)},
                                          {2, 1, 1, kReset, only(kH) | only(kUpdate), only(kH)}};
};

}  // namespace gatewise

#if defined(GATEWISE_ISA)
#include "cells/unit.h"

namespace gatewise::GATEWISE_ISA {

template <>
struct Equation<Gru, 0> {
  template <class T, int kMany, class Act, class Gate>
  GATEWISE_INLINE static void forward(const Vec<T> (&z)[kMany][2], Unit<T, Gru> (&u)[kMany], Act /*act*/, Gate gate) {
#pragma GCC unroll 4
    for (int i = 0; i < kMany; ++i) {
      auto& [h, update, reset] = u[i].fields;
      update = gate(z[i][0]);
      reset = gate(z[i][1]) * h;
    }
  }
};

template <>
struct Equation<Gru, 1> {
  template <class T, int kMany, class Act, class Gate>
  GATEWISE_INLINE static void forward(const Vec<T> (&z)[kMany][1], Unit<T, Gru> (&u)[kMany], Act act, Gate /*gate*/) {
#pragma GCC unroll 4
    for (int i = 0; i < kMany; ++i) {
      auto& [h, update, reset] = u[i].fields;
      h = fma(update, h, (T(1) - update) * act(z[i][0]));
    }
  }
};

}  // namespace gatewise::GATEWISE_ISA
#endif
