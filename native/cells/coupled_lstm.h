// LSTM whose input gate is what the forget gate leaves (CIFG, Greff et al. 2015).
#pragma once

#include "cells/facts.h"

namespace gatewise {

struct CoupledLstm : Rare {
  static constexpr const char* name = "coupled_lstm";
  static constexpr const char* gates = "fco";
  static constexpr const char* states[] = {"h", "c"};
  static constexpr int between = 0;
  static constexpr WeightFact weights[] = {kKernel, kRecurrentKernel, kBias};

  enum Field { kH, kC };
  static constexpr PhaseFacts phases[] = {{0, 3, 3, kH, only(kC), only(kH) | only(kC)}};
};

}  // namespace gatewise

#if defined(GATEWISE_ISA)
#include "cells/unit.h"

namespace gatewise::GATEWISE_ISA {

template <>
struct Equation<CoupledLstm, 0> {
  template <class T, int kMany, class Act, class Gate>
  GATEWISE_INLINE static void forward(Vec<T> (&z)[kMany][3], Unit<T, CoupledLstm> (&u)[kMany], Act act, Gate gate) {
#pragma GCC unroll 4
    for (int k = 0; k < kMany; ++k) {
      auto& [h, c] = u[k].fields;
      auto& [f, g, o] = z[k];
      f = gate(f);
      g = act(g);
      c = fma(f, c, (T(1) - f) * g);
    }
#pragma GCC unroll 4
    for (int k = 0; k < kMany; ++k) {
      auto& [h, c] = u[k].fields;
      auto& [f, g, o] = z[k];
      o = gate(o);
      h = o * act(c);
    }
  }

  template <class T, class Act, class Gate>
  GATEWISE_INLINE static void backward(const Gates<T, CoupledLstm>& z, const Unit<T, CoupledLstm>& before,
                                       const Unit<T, CoupledLstm>& after, Unit<T, CoupledLstm>& d, Vec<T> (&dz)[3],
                                       Act act, Gate gate) {
    const auto& [f, g, o] = z;
    auto& [dh, dc] = d.fields;
    const Vec<T> y = act(after.fields[CoupledLstm::kC]);
    dc = fma(dh * o, act.slope(y), dc);
    dz[0] = dc * (before.fields[CoupledLstm::kC] - g) * gate.slope(f);
    dz[1] = dc * (T(1) - f) * act.slope(g);
    dz[2] = dh * y * gate.slope(o);
    dc = dc * f;
    dh = Vec<T>{};
  }
};

}  // namespace gatewise::GATEWISE_ISA
#endif
