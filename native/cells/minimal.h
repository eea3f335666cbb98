// The minimal GRU and LSTM (Feng et al. 2024), whose gates see the input alone. Their way back is a scan of JAX's.
#pragma once

#include "cells/facts.h"

namespace gatewise {

struct MinGru : OnlyForward {
  static constexpr const char* name = "min_gru";
  static constexpr const char* gates = "zh";
  static constexpr const char* states[] = {"h"};
  static constexpr int between = 0;
  static constexpr WeightFact weights[] = {kKernel, kNoRecurrentKernel, kBias};

  enum Field { kH };
  static constexpr PhaseFacts phases[] = {{0, 2, 2, kH, only(kH), only(kH)}};
};

struct MinLstm : OnlyForward {
  static constexpr const char* name = "min_lstm";
  static constexpr const char* gates = "ifh";
  static constexpr const char* states[] = {"h"};
  static constexpr int between = 0;
  static constexpr WeightFact weights[] = {kKernel, kNoRecurrentKernel, kBias};

  enum Field { kH };
  static constexpr PhaseFacts phases[] = {{0, 3, 3, kH, only(kH), only(kH)}};
};

}  // namespace gatewise

#if defined(GATEWISE_ISA)
#include "cells/unit.h"

namespace gatewise::GATEWISE_ISA {

template <>
struct Equation<MinGru, 0> {
  template <class T, int kMany, class Act, class Gate>
  GATEWISE_INLINE static void forward(Vec<T> (&z)[kMany][2], Unit<T, MinGru> (&u)[kMany], Act act, Gate gate) {
#pragma GCC unroll 4
    for (int k = 0; k < kMany; ++k) {
      auto& [h] = u[k].fields;
      auto& [update, candidate] = z[k];
      update = gate(update);
      candidate = act(candidate);
      h = fma(update, candidate, (T(1) - update) * h);
    }
  }
};

template <>
struct Equation<MinLstm, 0> {
  template <class T, int kMany, class Act, class Gate>
  GATEWISE_INLINE static void forward(Vec<T> (&z)[kMany][3], Unit<T, MinLstm> (&u)[kMany], Act act, Gate gate) {
#pragma GCC unroll 4
    for (int k = 0; k < kMany; ++k) {
      auto& [h] = u[k].fields;
      auto& [i, f, candidate] = z[k];
      i = gate(i);
      f = gate(f);
      candidate = act(candidate);
      h = fma(f, h, i * candidate) / (f + i);
    }
  }
};

}  // namespace gatewise::GATEWISE_ISA
#endif
