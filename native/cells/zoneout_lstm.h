// LSTM with zoneout (Krueger et al. 2016), as it computes outside of training: the states keep a share of what they
// were.
#pragma once

#include "cells/facts.h"

namespace gatewise {

struct ZoneoutLstm : Rare {
  static constexpr const char* name = "zoneout_lstm";
  static constexpr const char* gates = "ifco";
  static constexpr const char* states[] = {"h", "c"};
  static constexpr int between = 0;
  static constexpr WeightFact weights[] = {
      kKernel, kRecurrentKernel, kBias, {"zoneout_hidden", "(H,)"}, {"zoneout_cell", "(H,)"}};

  enum Field { kH, kC };
  static constexpr PhaseFacts phases[] = {{0, 4, 4, kH, only(kH) | only(kC), only(kH) | only(kC)}};
};

}  // namespace gatewise

#if defined(GATEWISE_ISA)
#include "cells/unit.h"

namespace gatewise::GATEWISE_ISA {

template <>
struct Equation<ZoneoutLstm, 0> {
  template <class T, int kMany, class Act, class Gate>
  GATEWISE_INLINE static void forward(Vec<T> (&z)[kMany][4], Unit<T, ZoneoutLstm> (&u)[kMany], Act act, Gate gate) {
#pragma GCC unroll 4
    for (int k = 0; k < kMany; ++k) {
      auto& [h, c] = u[k].fields;
      auto& [of_h, of_c] = u[k].weights;
      auto& [i, f, g, o] = z[k];
      f = gate(f);
      i = gate(i);
      g = act(g);
      o = gate(o);
      const Vec<T> new_c = fma(f, c, i * g);
      const Vec<T> new_h = o * act(new_c);
      c = fma(of_c, c, (T(1) - of_c) * new_c);
      h = fma(of_h, h, (T(1) - of_h) * new_h);
    }
  }

  template <class T, class Act, class Gate>
  GATEWISE_INLINE static void backward(const Gates<T, ZoneoutLstm>& z, const Unit<T, ZoneoutLstm>& before,
                                       const Unit<T, ZoneoutLstm>& after, Unit<T, ZoneoutLstm>& d, Vec<T> (&dz)[4],
                                       Act act, Gate gate) {
    const auto& [i, f, g, o] = z;
    const auto& [of_h, of_c] = after.weights;
    auto& [dh, dc] = d.fields;
    const Vec<T> c = before.fields[ZoneoutLstm::kC];
    const Vec<T> y = act(fma(f, c, i * g));
    const Vec<T> new_dh = dh * (T(1) - of_h);
    const Vec<T> new_dc = fma(new_dh * o, act.slope(y), dc * (T(1) - of_c));
    dz[0] = new_dc * g * gate.slope(i);
    dz[1] = new_dc * c * gate.slope(f);
    dz[2] = new_dc * i * act.slope(g);
    dz[3] = new_dh * y * gate.slope(o);
    dc = fma(dc, of_c, new_dc * f);
    dh = dh * of_h;
  }
};

}  // namespace gatewise::GATEWISE_ISA
#endif
