// SimpleRNN (Elman 1990): the output is the state.
#pragma once

#include "cells/facts.h"

namespace gatewise {

struct SimpleRnn {
  static constexpr const char* name = "simple";
  static constexpr const char* gates = "h";
  static constexpr const char* states[] = {"h"};
  static constexpr int between = 0;
  static constexpr WeightFact weights[] = {kKernel, kRecurrentKernel, kBias};

  enum Field { kH };
  static constexpr PhaseFacts phases[] = {{0, 1, 1, kH, kNothing, only(kH)}};
};

}  // namespace gatewise

#if defined(GATEWISE_ISA)
#include "cells/unit.h"

namespace gatewise::GATEWISE_ISA {

template <>
struct Equation<SimpleRnn, 0> {
  template <class T, int kMany, class Act, class Gate>
  GATEWISE_INLINE static void forward(Vec<T> (&z)[kMany][1], Unit<T, SimpleRnn> (&u)[kMany], Act act, Gate /*gate*/) {
#pragma GCC unroll 4
    for (int k = 0; k < kMany; ++k) {
      auto& [h] = u[k].fields;
      z[k][0] = act(z[k][0]);
      h = z[k][0];
    }
  }

  template <class T, class Act, class Gate>
  GATEWISE_INLINE static void backward(const Gates<T, SimpleRnn>& z, const Unit<T, SimpleRnn>& /*before*/,
                                       const Unit<T, SimpleRnn>& /*after*/, Unit<T, SimpleRnn>& d, Vec<T> (&dz)[1],
                                       Act act, Gate /*gate*/) {
    auto& [dh] = d.fields;
    dz[0] = dh * act.slope(z[0]);
    dh = Vec<T>{};
  }
};

}  // namespace gatewise::GATEWISE_ISA
#endif
