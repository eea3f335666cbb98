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
                                          {2, 1, 1, kReset, only(kH) | only(kUpdate), only(kH), 1}};
};

}  // namespace gatewise

#if defined(GATEWISE_ISA)
#include "cells/unit.h"

namespace gatewise::GATEWISE_ISA {

template <>
struct Equation<Gru, 0> {
  template <class T, int kMany, class Act, class Gate>
  GATEWISE_INLINE static void forward(Vec<T> (&z)[kMany][2], Unit<T, Gru> (&u)[kMany], Act /*act*/, Gate gate) {
#pragma GCC unroll 4
    for (int k = 0; k < kMany; ++k) {
      auto& [h, update, reset] = u[k].fields;
      z[k][0] = gate(z[k][0]);
      z[k][1] = gate(z[k][1]);
      update = z[k][0];
      reset = z[k][1] * h;
    }
  }

  template <class T, class Act, class Gate>
  GATEWISE_INLINE static void backward(const Gates<T, Gru>& z, const Unit<T, Gru>& before,
                                       const Unit<T, Gru>& /*after*/, Unit<T, Gru>& d, Vec<T> (&dz)[2], Act /*act*/,
                                       Gate gate) {
    auto& [dh, d_update, d_reset] = d.fields;
    dz[0] = d_update * gate.slope(z[0]);
    dz[1] = d_reset * before.fields[Gru::kH] * gate.slope(z[1]);
    dh = fma(d_reset, z[1], dh);
  }
};

template <>
struct Equation<Gru, 1> {
  template <class T, int kMany, class Act, class Gate>
  GATEWISE_INLINE static void forward(Vec<T> (&z)[kMany][1], Unit<T, Gru> (&u)[kMany], Act act, Gate /*gate*/) {
#pragma GCC unroll 4
    for (int k = 0; k < kMany; ++k) {
      auto& [h, update, reset] = u[k].fields;
      z[k][0] = act(z[k][0]);
      h = fma(update, h, (T(1) - update) * z[k][0]);
    }
  }

  template <class T, class Act, class Gate>
  GATEWISE_INLINE static void backward(const Gates<T, Gru>& z, const Unit<T, Gru>& before,
                                       const Unit<T, Gru>& /*after*/, Unit<T, Gru>& d, Vec<T> (&dz)[1], Act act,
                                       Gate /*gate*/) {
    auto& [dh, d_update, d_reset] = d.fields;
    dz[0] = dh * (T(1) - z[0]) * act.slope(z[2]);
    d_update = dh * (before.fields[Gru::kH] - z[2]);
    d_reset = Vec<T>{};
    dh = dh * z[0];
  }
};

}  // namespace gatewise::GATEWISE_ISA
#endif
