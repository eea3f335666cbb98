// LSTM (Hochreiter and Schmidhuber 1997; forget gate: Gers, Schmidhuber and Cummins 2000).
#pragma once

#include "cells/facts.h"

namespace gatewise {

struct Lstm {
  static constexpr const char* name = "lstm";
  static constexpr const char* gates = "ifco";
  static constexpr const char* states[] = {"h", "c"};
  static constexpr int between = 0;
  static constexpr WeightFact weights[] = {kKernel, kRecurrentKernel, kBias};

  enum Field { kH, kC };
  static constexpr PhaseFacts phases[] = {{0, 4, 4, kH, only(kC), only(kH) | only(kC)}};
};

}  // namespace gatewise

#if defined(GATEWISE_ISA)
#include "cells/unit.h"

namespace gatewise::GATEWISE_ISA {

template <>
struct Equation<Lstm, 0> {
  template <class T, int kMany, class Act, class Gate>
  GATEWISE_INLINE static void forward(Vec<T> (&z)[kMany][4], Unit<T, Lstm> (&u)[kMany], Act act, Gate gate) {
#pragma GCC unroll 4
    for (int k = 0; k < kMany; ++k) {
      auto& [h, c] = u[k].fields;
      auto& [i, f, g, o] = z[k];
      f = gate(f);
      i = gate(i);
      g = act(g);
      c = fma(f, c, i * g);
    }
#pragma GCC unroll 4
    for (int k = 0; k < kMany; ++k) {
      auto& [h, c] = u[k].fields;
      auto& [i, f, g, o] = z[k];
      o = gate(o);
      h = o * act(c);
    }
  }

  template <class T, class Act, class Gate>
  GATEWISE_INLINE static void backward(const Gates<T, Lstm>& z, const Unit<T, Lstm>& before, const Unit<T, Lstm>& after,
                                       Unit<T, Lstm>& d, Vec<T> (&dz)[4], Act act, Gate gate) {
    const auto& [i, f, g, o] = z;
    auto& [dh, dc] = d.fields;
    const Vec<T> y = act(after.fields[Lstm::kC]);
    dc = fma(dh * o, act.slope(y), dc);
    dz[0] = dc * g * gate.slope(i);
    dz[1] = dc * before.fields[Lstm::kC] * gate.slope(f);
    dz[2] = dc * i * act.slope(g);
    dz[3] = dh * y * gate.slope(o);
    dc = dc * f;
    dh = Vec<T>{};
  }
};

}  // namespace gatewise::GATEWISE_ISA
#endif
