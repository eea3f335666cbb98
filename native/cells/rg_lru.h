// The real-gated linear recurrent unit of Griffin (De et al. 2024). Its way back is a scan of JAX's.
#pragma once

#include "cells/facts.h"

namespace gatewise {

struct RgLru : OnlyForward {
  static constexpr const char* name = "rg_lru";
  static constexpr const char* gates = "rih";
  static constexpr const char* states[] = {"h"};
  static constexpr int between = 0;
  static constexpr WeightFact weights[] = {kKernel, kNoRecurrentKernel, kBias, {"decay", "(H,)"}};

  enum Field { kH };
  static constexpr PhaseFacts phases[] = {{0, 3, 3, kH, only(kH), only(kH)}};

  static constexpr int kSharpness = 8;  // the paper's c
};

}  // namespace gatewise

#if defined(GATEWISE_ISA)
#include "cells/unit.h"

namespace gatewise::GATEWISE_ISA {

template <>
struct Equation<RgLru, 0> {
  // 1 - a^2 for a = e^-s is 2 t / (1 + t) with t = tanh s, which is exact where a is nearly 1.
  template <class T, int kMany, class Act, class Gate>
  GATEWISE_INLINE static void forward(Vec<T> (&z)[kMany][3], Unit<T, RgLru> (&u)[kMany], Act act, Gate gate) {
#pragma GCC unroll 4
    for (int k = 0; k < kMany; ++k) {
      auto& [h] = u[k].fields;
      auto& [decay] = u[k].weights;
      auto& [r, i, candidate] = z[k];
      r = gate(r);
      i = gate(i);
      candidate = act(candidate);
      const Vec<T> log_a = r * log_sigmoid<T>(decay) * T(RgLru::kSharpness);
      const Vec<T> t = tanh(-log_a);
      h = fma(falling_exponential(log_a), h, square_root((t + t) / (t + T(1))) * (i * candidate));
    }
  }
};

}  // namespace gatewise::GATEWISE_ISA
#endif
