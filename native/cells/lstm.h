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
  GATEWISE_INLINE static void forward(const Vec<T> (&z)[kMany][4], Unit<T, Lstm> (&u)[kMany], Act act, Gate gate) {
#pragma GCC unroll 4
    for (int i = 0; i < kMany; ++i) {
      auto& [h, c] = u[i].fields;
      c = fma(gate(z[i][1]), c, gate(z[i][0]) * act(z[i][2]));
    }
#pragma GCC unroll 4
    for (int i = 0; i < kMany; ++i) {
      auto& [h, c] = u[i].fields;
      h = gate(z[i][3]) * act(c);
    }
  }
};

}  // namespace gatewise::GATEWISE_ISA
#endif
