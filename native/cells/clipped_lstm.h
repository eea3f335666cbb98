// LSTM whose cell state is held between -cell_clip and cell_clip (Sak et al. 2014).
#pragma once

#include "cells/facts.h"

namespace gatewise {

struct ClippedLstm : Rare {
  static constexpr const char* name = "clipped_lstm";
  static constexpr const char* gates = "ifco";
  static constexpr const char* states[] = {"h", "c"};
  static constexpr int between = 0;
  static constexpr WeightFact weights[] = {kKernel, kRecurrentKernel, kBias, {"cell_clip", "(H,)"}};

  enum Field { kH, kC };
  static constexpr PhaseFacts phases[] = {{0, 4, 4, kH, only(kC), only(kH) | only(kC)}};
};

}  // namespace gatewise

#if defined(GATEWISE_ISA)
#include "cells/unit.h"

namespace gatewise::GATEWISE_ISA {

template <>
struct Equation<ClippedLstm, 0> {
  template <class T, int kMany, class Act, class Gate>
  GATEWISE_INLINE static void forward(Vec<T> (&z)[kMany][4], Unit<T, ClippedLstm> (&u)[kMany], Act act, Gate gate) {
#pragma GCC unroll 4
    for (int k = 0; k < kMany; ++k) {
      auto& [h, c] = u[k].fields;
      auto& [bound] = u[k].weights;
      auto& [i, f, g, o] = z[k];
      f = gate(f);
      i = gate(i);
      g = act(g);
      c = fma(f, c, i * g);
      c = c < -bound ? -bound : c;
      c = c > bound ? bound : c;
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
  GATEWISE_INLINE static void backward(const Gates<T, ClippedLstm>& z, const Unit<T, ClippedLstm>& before,
                                       const Unit<T, ClippedLstm>& after, Unit<T, ClippedLstm>& d, Vec<T> (&dz)[4],
                                       Act act, Gate gate) {
    const auto& [i, f, g, o] = z;
    const auto& [bound] = after.weights;
    const auto& [h, c] = after.fields;
    auto& [dh, dc] = d.fields;
    const Vec<T> y = act(c);
    dc = absolute<T>(c) < bound ? fma(dh * o, act.slope(y), dc) : Vec<T>{};
    dz[0] = dc * g * gate.slope(i);
    dz[1] = dc * before.fields[ClippedLstm::kC] * gate.slope(f);
    dz[2] = dc * i * act.slope(g);
    dz[3] = dh * y * gate.slope(o);
    dc = dc * f;
    dh = Vec<T>{};
  }
};

}  // namespace gatewise::GATEWISE_ISA
#endif
