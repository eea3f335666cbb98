// One vector type, as wide as the instruction set that this translation unit is compiled for.
//
// Everything here lives in a namespace named after the instruction set (GATEWISE_ISA), so that no function compiled for
// a wide machine can be linked into code for a narrow one. For the same reason nothing of the standard library that has
// code of its own is used in these headers.
#pragma once

#include <cstdint>

#include "base/index.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#define GATEWISE_INLINE [[gnu::always_inline]] inline

namespace gatewise::GATEWISE_ISA {

#if defined(__AVX512F__)
inline constexpr int kBytes = 64;
inline constexpr int kRegisters = 32;
#elif defined(__AVX2__)
inline constexpr int kBytes = 32;
inline constexpr int kRegisters = 16;
#elif defined(__ARM_NEON)
inline constexpr int kBytes = 16;
inline constexpr int kRegisters = 32;
#else
inline constexpr int kBytes = 16;
inline constexpr int kRegisters = 16;
#endif

#if defined(__FMA__) || defined(__aarch64__)
inline constexpr bool kFused = true;  // fma rounds once
#else
inline constexpr bool kFused = false;
#endif

inline Index lesser(Index a, Index b) { return a < b ? a : b; }

template <class T>
inline constexpr int kWidth = kBytes / static_cast<int>(sizeof(T));

template <class T>
struct Lanes;
template <>
struct Lanes<float> {
  typedef float Vector __attribute__((vector_size(kBytes)));
  typedef std::uint32_t Bits __attribute__((vector_size(kBytes)));
};
template <>
struct Lanes<double> {
  typedef double Vector __attribute__((vector_size(kBytes)));
  typedef std::uint64_t Bits __attribute__((vector_size(kBytes)));
};

template <class T>
using Vec = typename Lanes<T>::Vector;
template <class T>
using Bits = typename Lanes<T>::Bits;

template <class T>
GATEWISE_INLINE Vec<T> load(const T* from) {
  Vec<T> v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

template <class T>
GATEWISE_INLINE void store(T* to, Vec<T> v) {
  __builtin_memcpy(to, &v, sizeof v);
}

// Stores the first `lanes` lanes.
template <class T>
GATEWISE_INLINE void store_some(T* to, Vec<T> v, Index lanes) {
  for (Index i = 0; i < lanes; ++i) to[i] = v[i];
}

// The first `lanes` numbers, and zeros.
template <class T>
GATEWISE_INLINE Vec<T> load_some(const T* from, Index lanes) {
  Vec<T> v{};
  for (Index i = 0; i < lanes; ++i) v[i] = from[i];
  return v;
}

// Has the compiler load `v` into a register, and not anew, as an operand in memory, wherever it is used.
template <class T>
GATEWISE_INLINE void load_once(Vec<T>& v) {
#if defined(__AVX512F__)
  __asm__("" : "+v"(v));
#elif defined(__SSE__)
  __asm__("" : "+x"(v));
#elif defined(__aarch64__)
  __asm__("" : "+w"(v));
#endif
}

// A vector's quarters, each from its own place.
template <class T>
GATEWISE_INLINE Vec<T> load_quarters(const T* const (&from)[4]) {
#if defined(__AVX512F__)
  const auto quarter = [](const T* at) { return _mm_loadu_ps(reinterpret_cast<const float*>(at)); };
  __m512 v = _mm512_castps128_ps512(quarter(from[0]));
  v = _mm512_insertf32x4(v, quarter(from[1]), 1);
  v = _mm512_insertf32x4(v, quarter(from[2]), 2);
  v = _mm512_insertf32x4(v, quarter(from[3]), 3);
  return reinterpret_cast<Vec<T>>(v);
#else
  constexpr int quarter = kWidth<T> / 4;
  T v[kWidth<T>];
  for (int i = 0; i < 4; ++i) __builtin_memcpy(v + i * quarter, from[i], sizeof(T) * quarter);
  return load<T>(v);
#endif
}

// The first `count` quarters of a vector, each to its own place.
template <class T>
GATEWISE_INLINE void store_quarters(T* const (&to)[4], Vec<T> v, int count) {
  constexpr int quarter = kWidth<T> / 4;
  for (int i = 0; i < count; ++i) {
    __builtin_memcpy(to[i], reinterpret_cast<const char*>(&v) + i * kBytes / 4, sizeof(T) * quarter);
  }
}

// Lane i is the lane `from(i)` of a and, after its last, b.
template <class T, class From>
GATEWISE_INLINE Vec<T> pick(Vec<T> a, Vec<T> b, From from) {
#if defined(__clang__)
  Vec<T> v{};
#pragma GCC unroll 16
  for (int i = 0; i < kWidth<T>; ++i) v[i] = from(i) < kWidth<T> ? a[from(i)] : b[from(i) - kWidth<T>];
  return v;
#else
  Bits<T> lanes{};
#pragma GCC unroll 16
  for (int i = 0; i < kWidth<T>; ++i) lanes[i] = from(i);
  return __builtin_shuffle(a, b, lanes);
#endif
}

// A square matrix, a row in each vector, turned round: blocks of one lane change places, then of two, of four, ...
template <class T>
GATEWISE_INLINE void transpose(Vec<T> (&rows)[kWidth<T>]) {
#pragma GCC unroll 4
  for (int block = 1; block < kWidth<T>; block *= 2) {
#pragma GCC unroll 16
    for (int r = 0; r < kWidth<T>; ++r) {
      if ((r & block) != 0) continue;
      const Vec<T> upper = rows[r];
      const Vec<T> lower = rows[r + block];
      rows[r] = pick<T>(upper, lower, [&](int i) { return (i & block) == 0 ? i : kWidth<T> + i - block; });
      rows[r + block] = pick<T>(upper, lower, [&](int i) { return (i & block) == 0 ? i + block : kWidth<T> + i; });
    }
  }
}

// s in every lane. (0 + s would lose the sign of -0.)
template <class T>
GATEWISE_INLINE Vec<T> splat(T s) {
  return s - Vec<T>{};
}

// 0, 1, 2 ...
template <class T>
GATEWISE_INLINE Vec<T> lane_numbers() {
  Vec<T> v{};
#pragma GCC unroll 16
  for (int i = 0; i < kWidth<T>; ++i) v[i] = T(i);
  return v;
}

// a * b + c, rounded once where the machine can. Always asked for by name: the compiler is told to fuse nothing by
// itself, so that one formula gives the same bits wherever it is inlined.
GATEWISE_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, c);
#elif defined(__FMA__)
  return _mm256_fmadd_ps(a, b, c);
#elif defined(__aarch64__)
  return vfmaq_f32(c, a, b);
#else
  return a * b + c;
#endif
}

GATEWISE_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_pd(a, b, c);
#elif defined(__FMA__)
  return _mm256_fmadd_pd(a, b, c);
#elif defined(__aarch64__)
  return vfmaq_f64(c, a, b);
#else
  return a * b + c;
#endif
}

// Whether a product takes one lane of a vector as a factor. Then several of a row's numbers come in one load.
#if defined(__aarch64__)
inline constexpr bool kByLane = true;

template <int kLane>
GATEWISE_INLINE Vec<float> fma_lane(Vec<float> a, Vec<float> b, Vec<float> c) {
  return vfmaq_laneq_f32(c, b, a, kLane);
}

template <int kLane>
GATEWISE_INLINE Vec<double> fma_lane(Vec<double> a, Vec<double> b, Vec<double> c) {
  return vfmaq_laneq_f64(c, b, a, kLane);
}
#else
inline constexpr bool kByLane = false;

template <int kLane, class V>
GATEWISE_INLINE V fma_lane(V a, V b, V c) {
  return fma(splat(a[kLane]), b, c);
}
#endif

// 1 / b for b of ordinary size (no overflow, no denormals).
GATEWISE_INLINE Vec<float> reciprocal(Vec<float> b) {
#if defined(__AVX512F__)
  // Division has a quarter of the throughput of an estimate (2^-14) with one Newton step.
  // (The form with a mask of ones, because GCC 12 warns of its own header's undefined operand in the plain one.)
  const Vec<float> estimate = _mm512_maskz_rcp14_ps(0xffff, b);
  const Vec<float> error = _mm512_fnmadd_ps(b, estimate, splat(1.0F));
  return fma(estimate, error, estimate);
#else
  return 1.0F / b;
#endif
}

GATEWISE_INLINE Vec<double> reciprocal(Vec<double> b) { return 1.0 / b; }

GATEWISE_INLINE Vec<float> square_root(Vec<float> x) {
#if defined(__AVX512F__)
  return _mm512_maskz_sqrt_ps(0xffff, x);
#elif defined(__AVX__)
  return _mm256_sqrt_ps(x);
#elif defined(__SSE__)
  return _mm_sqrt_ps(x);
#elif defined(__aarch64__)
  return vsqrtq_f32(x);
#else
  for (int i = 0; i < kWidth<float>; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
#endif
}

GATEWISE_INLINE Vec<double> square_root(Vec<double> x) {
#if defined(__AVX512F__)
  return _mm512_maskz_sqrt_pd(0xff, x);
#elif defined(__AVX__)
  return _mm256_sqrt_pd(x);
#elif defined(__SSE2__)
  return _mm_sqrt_pd(x);
#elif defined(__aarch64__)
  return vsqrtq_f64(x);
#else
  for (int i = 0; i < kWidth<double>; ++i) x[i] = __builtin_sqrt(x[i]);
  return x;
#endif
}

// The lesser and the greater of x and a bound; NaN where x is NaN. x86 returns the second operand where one is NaN.
GATEWISE_INLINE Vec<float> at_most(Vec<float> x, float bound) {
#if defined(__AVX512F__)
  return _mm512_maskz_min_ps(0xffff, splat(bound), x);
#elif defined(__AVX__)
  return _mm256_min_ps(splat(bound), x);
#elif defined(__SSE__)
  return _mm_min_ps(splat(bound), x);
#else
  return x > splat(bound) ? splat(bound) : x;
#endif
}

GATEWISE_INLINE Vec<float> at_least(Vec<float> x, float bound) {
#if defined(__AVX512F__)
  return _mm512_maskz_max_ps(0xffff, splat(bound), x);
#elif defined(__AVX__)
  return _mm256_max_ps(splat(bound), x);
#elif defined(__SSE__)
  return _mm_max_ps(splat(bound), x);
#else
  return x < splat(bound) ? splat(bound) : x;
#endif
}

}  // namespace gatewise::GATEWISE_ISA
