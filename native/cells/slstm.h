// sLSTM (Beck et al. 2024): an exponential input gate, a normaliser n of what it has let in, and m, which keeps the
// exponentials in range: c and n are held as c e^-m and n e^-m. Where n is 0 nothing is held, and m is the input
// gate's.
#pragma once

#include "cells/facts.h"

namespace gatewise {

struct Slstm : Rare {
  static constexpr const char* name = "slstm";
  static constexpr const char* gates = "ifco";
  static constexpr const char* states[] = {"h", "c", "n", "m"};
  static constexpr int between = 0;
  static constexpr WeightFact weights[] = {kKernel, kRecurrentKernel, kBias};

  enum Field { kH, kC, kN, kM };
  static constexpr PhaseFacts phases[] = {
      {0, 4, 4, kH, only(kC) | only(kN) | only(kM), only(kH) | only(kC) | only(kN) | only(kM)}};
};

}  // namespace gatewise

#if defined(GATEWISE_ISA)
#include "cells/unit.h"

namespace gatewise::GATEWISE_ISA {

template <>
struct Equation<Slstm, 0> {
  template <class T, int kMany, class Act, class Gate>
  GATEWISE_INLINE static void forward(Vec<T> (&z)[kMany][4], Unit<T, Slstm> (&u)[kMany], Act act, Gate gate) {
#pragma GCC unroll 4
    for (int k = 0; k < kMany; ++k) {
      auto& [h, c, n, m] = u[k].fields;
      auto& [i, f, g, o] = z[k];
      const Vec<T> kept = log_sigmoid<T>(f) + m;
      const auto as_kept = (n != Vec<T>{}) & ((kept > i) | (kept != kept));  // NaN is the greater, too
      const Vec<T> top = as_kept ? kept : i;
      const Vec<T> stays = n == Vec<T>{} ? splat(T(1)) : falling_exponential(kept - top);
      i = falling_exponential(i - top);
      f = sigmoid(f);
      g = act(g);
      o = gate(o);
      c = fma(stays, c, i * g);
      n = fma(stays, n, i);
      m = top;
      h = o * c / n;
    }
  }

  // What stays is f e^(m before - m after), and m is the input gate's where that is 1.
  template <class T, class Act, class Gate>
  GATEWISE_INLINE static void backward(const Gates<T, Slstm>& z, const Unit<T, Slstm>& before,
                                       const Unit<T, Slstm>& after, Unit<T, Slstm>& d, Vec<T> (&dz)[4], Act act,
                                       Gate gate) {
    const auto& [i, f, g, o] = z;
    const auto& [h0, c0, n0, m0] = before.fields;
    const auto& [h1, c1, n1, m1] = after.fields;
    auto& [dh, dc, dn, dm] = d.fields;
    const Vec<T> none{};
    const Vec<T> one = splat(T(1));
    const Vec<T> y = c1 / n1;
    const Vec<T> of_y = dh * o / n1;
    dc = dc + of_y;
    dn = dn - of_y * y;
    const Vec<T> rise = m0 - m1;
    const Vec<T> down = falling_exponential(-absolute<T>(rise));
    const Vec<T> stays = n0 == none ? one : f * (rise > none ? one / down : down);
    const Vec<T> di = fma(dc, g, dn) * i;
    const Vec<T> d_stays = n0 == none ? none : fma(dc, c0, dn * n0) * stays;
    const Vec<T> d_top = dm - di - d_stays;
    const auto of_input = (n0 == none) | (i == one);
    dm = d_stays + (of_input ? none : d_top);
    dz[0] = di + (of_input ? d_top : none);
    dz[1] = dm * (T(1) - f);
    dz[2] = dc * i * act.slope(g);
    dz[3] = dh * y * gate.slope(o);
    dc = dc * stays;
    dn = dn * stays;
    dh = none;
  }
};

}  // namespace gatewise::GATEWISE_ISA
#endif
