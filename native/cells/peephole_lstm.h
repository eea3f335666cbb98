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
  GATEWISE_INLINE static void forward(const Vec<T> (&z)[kMany][4], Unit<T, PeepholeLstm> (&u)[kMany], Act act,
                                      Gate gate) {
#pragma GCC unroll 4
    for (int i = 0; i < kMany; ++i) {
      auto& [h, c] = u[i].fields;
      auto& [p_i, p_f, p_o] = u[i].weights;
      const Vec<T> input = gate(fma(p_i, c, z[i][0]));
      c = fma(gate(fma(p_f, c, z[i][1])), c, input * act(z[i][2]));
    }
#pragma GCC unroll 4
    for (int i = 0; i < kMany; ++i) {
      auto& [h, c] = u[i].fields;
      auto& [p_i, p_f, p_o] = u[i].weights;
      h = gate(fma(p_o, c, z[i][3])) * act(c);
    }
  }
};

}  // namespace gatewise::GATEWISE_ISA
#endif
