// The activations, on vectors. NaN in is NaN out: every bound is a comparison and a choice, which is false for NaN,
// never a machine minimum or maximum, which on x86 may return the other operand.
#pragma once

#include "simd.h"

namespace gatewise::GATEWISE_ISA {

// Constants of e^y = 2^n * e^r, n = round(y / ln 2), r in [-ln 2 / 2, ln 2 / 2], for y <= 0.
// The coefficients interpolate (e^r - 1 - r) / r^2 at Chebyshev nodes; the greatest relative error of e^r - 1
// is 2.5e-8 in float and 5.5e-19 in double.
template <class T>
struct Exponential;

template <>
struct Exponential<float> {
  static constexpr float least = -87.0F;        // e^least is still a normal number
  static constexpr float round = 12582912.0F;   // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
  static constexpr float log2_e = 1.44269504F;  // 1 / ln 2
  static constexpr float ln2_high = 0.693145751953125F;  // ln 2 in two parts; n * ln2_high is exact
  static constexpr float ln2_low = 1.42860682030941723e-6F;
  static constexpr std::int32_t mantissa = 23;
  static constexpr std::int32_t one = 0x3f800000;
  static constexpr float series[] = {0.5F, 0.16666576666119928F, 0.04166655421298415F, 0.008363232883682618F,
                                     0.0013926250831497611F};
};

template <>
struct Exponential<double> {
  static constexpr double least = -708.0;
  static constexpr double round = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double log2_e = 1.4426950408889634;
  static constexpr double ln2_high = 0.6931471803691238;
  static constexpr double ln2_low = 1.9082149292705877e-10;
  static constexpr std::int64_t mantissa = 52;
  static constexpr std::int64_t one = 0x3ff0000000000000;
  static constexpr double series[] = {0.5,
                                      0.1666666666666667,
                                      0.04166666666666667,
                                      0.008333333333326084,
                                      0.0013888888888883711,
                                      0.0001984126987500228,
                                      2.480158732567746e-05,
                                      2.755725517000089e-06,
                                      2.755727347871858e-07,
                                      2.5105312729622103e-08,
                                      2.09147553258932e-09};
};

template <class T>
struct Power {
  Vec<T> scale;     // 2^n
  Vec<T> fraction;  // e^r - 1
};

// The parts of e^y for least <= y <= 0 and for NaN; anything below `least` gives nonsense, for the caller to replace.
template <class T>
GATEWISE_INLINE Power<T> exponential(Vec<T> y) {
  using E = Exponential<T>;
  const Vec<T> shifted = fma(y, splat(E::log2_e), splat(E::round));
  const Vec<T> n = shifted - splat(E::round);
  const Vec<T> r = fma(n, splat(-E::ln2_low), fma(n, splat(-E::ln2_high), y));
  constexpr int terms = sizeof(E::series) / sizeof(T);
  Vec<T> p = splat(E::series[terms - 1]);
  for (int i = terms - 2; i >= 0; --i) p = fma(p, r, splat(E::series[i]));
  const auto exponent = reinterpret_cast<Bits<T>>(shifted) << E::mantissa;
  return {reinterpret_cast<Vec<T>>(exponent + E::one), fma(r * r, p, r)};
}

template <class T>
GATEWISE_INLINE Vec<T> absolute(Vec<T> x) {
  const Bits<T> sign = reinterpret_cast<Bits<T>>(splat(T(-0.0)));
  return reinterpret_cast<Vec<T>>(reinterpret_cast<Bits<T>>(x) & ~sign);
}

template <class T>
GATEWISE_INLINE Vec<T> with_sign(Vec<T> magnitude, Vec<T> x) {
  const Bits<T> sign = reinterpret_cast<Bits<T>>(splat(T(-0.0)));
  return reinterpret_cast<Vec<T>>(reinterpret_cast<Bits<T>>(magnitude) | (reinterpret_cast<Bits<T>>(x) & sign));
}

// tanh |x| = -m / (2 + m), m = e^(-2|x|) - 1, which keeps its relative precision down to x = 0.
template <class T>
GATEWISE_INLINE Vec<T> tanh(Vec<T> x) {
  const Vec<T> one = splat(T(1));
  const Vec<T> y = absolute<T>(x) * T(-2);
  const Power<T> e = exponential<T>(y);
  const Vec<T> m = fma(e.scale, e.fraction, e.scale - one);
  const Vec<T> bounded = y < splat(T(-40)) ? -one : m;
  return with_sign<T>(divide(-bounded, bounded + T(2)), x);
}

// sigmoid(x) = 1 / (1 + e) for x >= 0 and e / (1 + e) for x < 0, e = e^-|x|: no overflow, and precise for x << 0.
template <class T>
GATEWISE_INLINE Vec<T> sigmoid(Vec<T> x) {
  const Vec<T> one = splat(T(1));
  const Vec<T> y = -absolute<T>(x);
  const Power<T> power = exponential<T>(y);
  const Vec<T> e = y < splat(Exponential<T>::least) ? Vec<T>{} : fma(power.scale, power.fraction, power.scale);
  return divide(x < Vec<T>{} ? e : one, e + one);
}

template <class T>
GATEWISE_INLINE Vec<T> relu(Vec<T> x) {
  return x < Vec<T>{} ? Vec<T>{} : x;
}

// x between 0 and `most`.
template <class T>
GATEWISE_INLINE Vec<T> clip(Vec<T> x, T most) {
  const Vec<T> low = relu<T>(x);
  return low > splat(most) ? splat(most) : low;
}

template <class T>
GATEWISE_INLINE Vec<T> activate(Activation kind, Vec<T> x) {
  switch (kind) {
    case Activation::tanh:
      return tanh<T>(x);
    case Activation::sigmoid:
      return sigmoid<T>(x);
    case Activation::hard_sigmoid:
      return clip<T>(x + T(3), T(6)) / T(6);
    case Activation::keras2_hard_sigmoid:
      return clip<T>(x * T(0.2) + T(0.5), T(1));
    case Activation::relu:
      return relu<T>(x);
    case Activation::softsign:
      return x / (absolute<T>(x) + T(1));
    case Activation::linear:
      break;
  }
  return x;
}

// An activation known when the code is compiled: the usual ones, inlined.
template <class T, Activation kKind>
struct Fixed {
  GATEWISE_INLINE Vec<T> operator()(Vec<T> x) const { return activate<T>(kKind, x); }
};

// An activation known when the layer is made.
template <class T>
struct Chosen {
  Activation kind;
  [[gnu::noinline]] Vec<T> operator()(Vec<T> x) const { return activate<T>(kind, x); }
};

}  // namespace gatewise::GATEWISE_ISA
