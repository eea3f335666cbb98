// The activations, on vectors. NaN in is NaN out: every bound is a comparison and a choice, which is false for NaN,
// never a machine minimum or maximum, which on x86 may return the other operand.
#pragma once

#include "base/simd.h"
#include "kernels/activation.h"

namespace gatewise::GATEWISE_ISA {

// c[0] + c[1] x + ... by Horner's rule.
template <class T, int kTerms>
GATEWISE_INLINE Vec<T> polynomial(Vec<T> x, const T (&c)[kTerms]) {
  Vec<T> sum = splat(c[kTerms - 1]);
#pragma GCC unroll 16
  for (int i = kTerms - 2; i >= 0; --i) sum = fma(sum, x, splat(c[i]));
  return sum;
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

// e^x = 2^n * e^r, n = round(x / ln 2), r in [-ln 2 / 2, ln 2 / 2].
template <class T>
struct Exponential;

template <>
struct Exponential<float> {
  static constexpr float greatest = 87.0F;         // e^greatest and e^-greatest are normal numbers, and 1 + both
  static constexpr float round = 12582912.0F;      // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
  static constexpr float log2_e = 1.44269504F;     // 1 / ln 2
  static constexpr float ln2 = 0.693147182F;       // to 1.9e-9; |n| is less than 127
  static constexpr float ln2_high = 0.693145752F;  // ln 2 in two parts; n * ln2_high is exact
  static constexpr float ln2_low = 1.42860677e-06F;
  static constexpr int mantissa = 23;
};

template <>
struct Exponential<double> {
  static constexpr double least = -708.0;              // e^least is still a normal number
  static constexpr double round = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double log2_e = 1.4426950408889634;
  static constexpr double ln2_high = 0.6931471803691238;  // ln 2 in two parts; n * ln2_high is exact
  static constexpr double ln2_low = 1.9082149292705877e-10;
  static constexpr int mantissa = 52;
  static constexpr std::uint64_t one = 0x3ff0000000000000;
};

// float: tanh x = x P(x^2) / Q(x^2), a minimax fit whose relative error is 3e-8 up to |x| = 9.03, where float's tanh is
// 1; with x^2 held there, x P / Q goes on to grow beyond 1 and is cut. With rounding: 2.6 epsilon.
GATEWISE_INLINE Vec<float> tanh(Vec<float> x) {
  constexpr float p[] = {1.0F, 0.133797184F, 0.00349403452F, 2.05834913e-05F, 1.33190703e-08F};
  constexpr float q[] = {1.0F, 0.467130363F, 0.025871072F, 0.000328309368F, 7.76202228e-07F};
  const Vec<float> square = at_most(x * x, 81.5F);
  const Vec<float> ratio = x * polynomial<float>(square, p) * reciprocal(polynomial<float>(square, q));
  return at_least(at_most(ratio, 1.0F), -1.0F);
}

// float: e^-x for x from -infinity to `greatest`, and nonsense below -`greatest`. The series is e^-r to 9.2e-8
// (minimax).
GATEWISE_INLINE Vec<float> inverse_exponential(Vec<float> bounded) {
  using E = Exponential<float>;
  constexpr float series[] = {1.0F, -0.999999705F, 0.49999146149F, -0.16667640063F, 0.04189839005F, -0.00829022949F};
  const Vec<float> shifted = fma(bounded, splat(E::log2_e), splat(E::round));
  const Vec<float> n = shifted - E::round;
  const Vec<float> r = kFused ? fma(n, splat(-E::ln2), bounded) : bounded - n * E::ln2_high - n * E::ln2_low;
  const Bits<float> fraction = reinterpret_cast<Bits<float>>(polynomial<float>(r, series));
  const Bits<float> exponent = reinterpret_cast<Bits<float>>(shifted) << E::mantissa;
  return reinterpret_cast<Vec<float>>(fraction - exponent);
}

// float: 1 / (1 + e^-x); below -87, where the value is 1e-38, it is 0.
GATEWISE_INLINE Vec<float> sigmoid(Vec<float> x) {
  using E = Exponential<float>;
  const Vec<float> e = inverse_exponential(at_most(x, E::greatest));
  return x < splat(-E::greatest) ? Vec<float>{} : reciprocal(e + 1.0F);
}

// float: e^x for x <= 0.
GATEWISE_INLINE Vec<float> falling_exponential(Vec<float> x) {
  using E = Exponential<float>;
  const Vec<float> e = inverse_exponential(at_most(-x, E::greatest));
  return x < splat(-E::greatest) ? Vec<float>{} : e;
}

struct Power {
  Vec<double> scale;     // 2^n
  Vec<double> fraction;  // e^r - 1
};

// double: the parts of e^y for least <= y <= 0 and for NaN; below that nonsense, for the caller to replace. The series
// interpolates (e^r - 1 - r) / r^2 at Chebyshev nodes; e^r - 1 has a relative error of 5.5e-19.
GATEWISE_INLINE Power exponential(Vec<double> y) {
  using E = Exponential<double>;
  constexpr double series[] = {0.5,
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
  const Vec<double> shifted = fma(y, splat(E::log2_e), splat(E::round));
  const Vec<double> n = shifted - E::round;
  const Vec<double> r = fma(n, splat(-E::ln2_low), fma(n, splat(-E::ln2_high), y));
  const Bits<double> exponent = reinterpret_cast<Bits<double>>(shifted) << E::mantissa;
  return {reinterpret_cast<Vec<double>>(exponent + E::one), fma(r * r, polynomial<double>(r, series), r)};
}

// double: tanh |x| = -m / (2 + m), m = e^(-2|x|) - 1, which keeps its relative precision down to x = 0.
GATEWISE_INLINE Vec<double> tanh(Vec<double> x) {
  const Vec<double> y = absolute<double>(x) * -2.0;
  const Power e = exponential(y);
  const Vec<double> m = fma(e.scale, e.fraction, e.scale - 1.0);
  const Vec<double> bounded = y < splat(-40.0) ? splat(-1.0) : m;
  return with_sign<double>(-bounded / (bounded + 2.0), x);
}

// double: 1 / (1 + e) for x >= 0 and e / (1 + e) for x < 0, e = e^-|x|: no overflow, and precise for x << 0.
GATEWISE_INLINE Vec<double> sigmoid(Vec<double> x) {
  const Vec<double> y = -absolute<double>(x);
  const Power power = exponential(y);
  const Vec<double> e =
      y < splat(Exponential<double>::least) ? Vec<double>{} : fma(power.scale, power.fraction, power.scale);
  return (x < Vec<double>{} ? e : splat(1.0)) / (e + 1.0);
}

// double: e^x for x <= 0.
GATEWISE_INLINE Vec<double> falling_exponential(Vec<double> x) {
  const Power power = exponential(x);
  return x < splat(Exponential<double>::least) ? Vec<double>{} : fma(power.scale, power.fraction, power.scale);
}

// log(1 / (1 + e^-x)) = min(x, 0) - log(1 + e^-|x|). The logarithm is a series, log(1 + t) = 2 (s + s^3/3 + s^5/5 +
// ...) with s = t / (2 + t) <= 1/3, to a relative 1e-8 for float and 1e-17 for double.
template <class T>
GATEWISE_INLINE Vec<T> log_sigmoid(Vec<T> x) {
  constexpr int terms = sizeof(T) == sizeof(float) ? 8 : 17;
  T series[terms];
#pragma GCC unroll 17
  for (int i = 0; i < terms; ++i) series[i] = T(2) / static_cast<T>(2 * i + 1);
  const Vec<T> t = falling_exponential(-absolute<T>(x));
  const Vec<T> s = t / (t + T(2));
  return (x < Vec<T>{} ? x : Vec<T>{}) - s * polynomial<T>(s * s, series);
}

template <class T>
GATEWISE_INLINE Vec<T> relu(Vec<T> x) {
  return x <= Vec<T>{} ? Vec<T>{} : x;
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
      return tanh(x);
    case Activation::sigmoid:
      return sigmoid(x);
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

// The derivative of an activation, from its value y. (At a corner: that of the side where it is flat.)
template <class T>
GATEWISE_INLINE Vec<T> slope(Activation kind, Vec<T> y) {
  const Vec<T> none{};
  const Vec<T> one = splat(T(1));
  const auto between = [&](T rise) { return y > none && y < one ? splat(rise) : none; };
  switch (kind) {
    case Activation::tanh:
      return one - y * y;
    case Activation::sigmoid:
      return y * (one - y);
    case Activation::hard_sigmoid:
      return between(T(1) / T(6));
    case Activation::keras2_hard_sigmoid:
      return between(T(0.2));
    case Activation::relu:
      return y > none ? one : none;
    case Activation::softsign:
      return (one - absolute<T>(y)) * (one - absolute<T>(y));
    case Activation::linear:
      break;
  }
  return one;
}

// An activation known when the code is compiled: the usual ones, inlined.
template <class T, Activation kKind>
struct Fixed {
  explicit Fixed(Activation /*kind*/) {}
  GATEWISE_INLINE Vec<T> operator()(Vec<T> x) const { return activate<T>(kKind, x); }
  GATEWISE_INLINE Vec<T> slope(Vec<T> y) const { return GATEWISE_ISA::slope<T>(kKind, y); }
};

// An activation known when the layer is made.
template <class T>
struct Chosen {
  explicit Chosen(Activation kind_) : kind(kind_) {}
  Activation kind;
  [[gnu::noinline]] Vec<T> operator()(Vec<T> x) const { return activate<T>(kind, x); }
  [[gnu::noinline]] Vec<T> slope(Vec<T> y) const { return GATEWISE_ISA::slope<T>(kind, y); }
};

}  // namespace gatewise::GATEWISE_ISA
