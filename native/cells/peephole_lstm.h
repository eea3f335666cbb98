// LSTM whose gates look at the cell state too (Gers and Schmidhuber 2000): the weights p of i and f meet the old one,
// that of o the new one.
#pragma once

#include "cells/facts.h"

namespace gatewise {

struct PeepholeLstm {
  static constexpr const char* name = "peephole_lstm";
  static constexpr const char* gates = "ifco";
  static constexpr const char* states[] = {"h", "c"};
  static constexpr int between = 0;
  static constexpr WeightFact weights[] = {kKernel, kRecurrentKernel, kBias, {"peephole", "(3, H)"}};

  enum Field { kH, kC };
  static constexpr PhaseFacts phases[] = {{0, 4, 4, kH, only(kC), only(kH) | only(kC)}};
};

}  // namespace gatewise

#if defined(GATEWISE_ISA)
#include "cells/unit.h"

namespace gatewise::GATEWISE_ISA {

template <>
struct Equation<PeepholeLstm, 0> {
  template <class T, int kMany, class Act, class Gate>
  GATEWISE_INLINE static void forward(Vec<T> (&z)[kMany][4], Unit<T, PeepholeLstm> (&u)[kMany], Act act, Gate gate) {
#pragma GCC unroll 4
    for (int k = 0; k < kMany; ++k) {
      auto& [h, c] = u[k].fields;
      auto& [p_i, p_f, p_o] = u[k].weights;
      auto& [i, f, g, o] = z[k];
      i = gate(fma(p_i, c, i));
      f = gate(fma(p_f, c, f));
      g = act(g);
      c = fma(f, c, i * g);
    }
#pragma GCC unroll 4
    for (int k = 0; k < kMany; ++k) {
      auto& [h, c] = u[k].fields;
      auto& [p_i, p_f, p_o] = u[k].weights;
      auto& [i, f, g, o] = z[k];
      o = gate(fma(p_o, c, o));
      h = o * act(c);
    }
  }

  template <class T, class Act, class Gate>
  GATEWISE_INLINE static void backward(const Gates<T, PeepholeLstm>& z, const Unit<T, PeepholeLstm>& before,
                                       const Unit<T, PeepholeLstm>& after, Unit<T, PeepholeLstm>& d, Vec<T> (&dz)[4],
                                       Act act, Gate gate) {
    const auto& [i, f, g, o] = z;
    const auto& [p_i, p_f, p_o] = after.weights;
    auto& [dh, dc] = d.fields;
    const Vec<T> y = act(after.fields[PeepholeLstm::kC]);
    dz[3] = dh * y * gate.slope(o);
    dc = fma(dz[3], p_o, fma(dh * o, act.slope(y), dc));
    dz[0] = dc * g * gate.slope(i);
    dz[1] = dc * before.fields[PeepholeLstm::kC] * gate.slope(f);
    dz[2] = dc * i * act.slope(g);
    dc = fma(dz[0], p_i, fma(dz[1], p_f, dc * f));
    dh = Vec<T>{};
  }
};

}  // namespace gatewise::GATEWISE_ISA
#endif
