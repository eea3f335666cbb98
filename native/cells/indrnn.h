// IndRNN (Li et al. 2018): each unit sees its own state alone.
#pragma once

#include "cells/facts.h"

namespace gatewise {

struct IndRnn : Rare {
  static constexpr const char* name = "indrnn";
  static constexpr const char* gates = "h";
  static constexpr const char* states[] = {"h"};
  static constexpr int between = 0;
  static constexpr WeightFact weights[] = {kKernel, kNoRecurrentKernel, kBias, {"recurrent_weight", "(H,)"}};

  enum Field { kH };
  static constexpr PhaseFacts phases[] = {{0, 1, 1, kH, only(kH), only(kH)}};
};

}  // namespace gatewise

#if defined(GATEWISE_ISA)
#include "cells/unit.h"

namespace gatewise::GATEWISE_ISA {

template <>
struct Equation<IndRnn, 0> {
  template <class T, int kMany, class Act, class Gate>
  GATEWISE_INLINE static void forward(Vec<T> (&z)[kMany][1], Unit<T, IndRnn> (&u)[kMany], Act act, Gate /*gate*/) {
#pragma GCC unroll 4
    for (int k = 0; k < kMany; ++k) {
      auto& [h] = u[k].fields;
      auto& [own] = u[k].weights;
      z[k][0] = act(fma(own, h, z[k][0]));
      h = z[k][0];
    }
  }

  template <class T, class Act, class Gate>
  GATEWISE_INLINE static void backward(const Gates<T, IndRnn>& z, const Unit<T, IndRnn>& /*before*/,
                                       const Unit<T, IndRnn>& after, Unit<T, IndRnn>& d, Vec<T> (&dz)[1], Act act,
                                       Gate /*gate*/) {
    auto& [dh] = d.fields;
    dz[0] = dh * act.slope(z[0]);
    dh = dz[0] * after.weights[0];
  }
};

}  // namespace gatewise::GATEWISE_ISA
#endif
