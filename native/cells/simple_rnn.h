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
  GATEWISE_INLINE static void forward(const Vec<T> (&z)[kMany][1], Unit<T, SimpleRnn> (&u)[kMany], Act act,
                                      Gate /*gate*/) {
#pragma GCC unroll 4
    for (int i = 0; i < kMany; ++i) {
      auto& [h] = u[i].fields;
      h = act(z[i][0]);
    }
  }
};

}  // namespace gatewise::GATEWISE_ISA
#endif
