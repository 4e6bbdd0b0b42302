// Eight floats at a time. Compiled twice: once for AVX2 + FMA, once for whatever the compiler targets.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#ifdef PAD_AVX2
#include <immintrin.h>
#endif

#define PAD_INLINE static inline __attribute__((always_inline))
#define PAD_INLINE_MEMBER inline __attribute__((always_inline))

namespace pad {
namespace PAD_NAMESPACE {

typedef float vf __attribute__((vector_size(32)));
typedef std::int32_t vi __attribute__((vector_size(32)));

PAD_INLINE vf broadcast(float x) { return vf{x, x, x, x, x, x, x, x}; }

PAD_INLINE vf load(const float* p) {
  vf x;
  std::memcpy(&x, p, sizeof x);
  return x;
}

PAD_INLINE void store(float* p, vf x) { std::memcpy(p, &x, sizeof x); }

// The first `size` values, 0 after them; size >= 8 loads all.
PAD_INLINE vf load_some(const float* p, int size) {
  if (size >= 8) return load(p);
  vf x = broadcast(0.f);
  std::memcpy(&x, p, size * sizeof(float));
  return x;
}

PAD_INLINE void store_some(float* p, vf x, int size) {
  if (size >= 8) return store(p, x);
  std::memcpy(p, &x, size * sizeof(float));
}

// Bytes 0...255 as 0...1; 0 from `size` on.
PAD_INLINE vf load_bytes(const std::uint8_t* p, int size) {
  std::uint8_t some[8] = {};
  if (size < 8) {
    std::memcpy(some, p, size);
    p = some;
  }
#ifdef PAD_AVX2
  const vf wide = (vf)_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
#else
  vf wide;
  for (int i = 0; i < 8; ++i) wide[i] = p[i];
#endif
  return wide * (1.f / 255.f);
}

PAD_INLINE vf select(vi mask, vf yes, vf no) {
#ifdef PAD_AVX2
  return (vf)_mm256_blendv_ps((__m256)no, (__m256)yes, (__m256)mask);
#else
  return (vf)((mask & (vi)yes) | (~mask & (vi)no));
#endif
}

PAD_INLINE vf keep(vi mask, vf x) { return (vf)(mask & (vi)x); }  // 0 elsewhere

PAD_INLINE vf minimum(vf a, vf b) {
#ifdef PAD_AVX2
  return (vf)_mm256_min_ps((__m256)a, (__m256)b);
#else
  return select(a < b, a, b);
#endif
}

PAD_INLINE vf maximum(vf a, vf b) {
#ifdef PAD_AVX2
  return (vf)_mm256_max_ps((__m256)a, (__m256)b);
#else
  return select(a > b, a, b);
#endif
}

PAD_INLINE vf clamp(vf x, vf low, vf high) { return minimum(maximum(x, low), high); }

PAD_INLINE vf absolute(vf x) { return (vf)((vi)x & 0x7fffffff); }

PAD_INLINE vf square_root(vf x) {
#ifdef PAD_AVX2
  return (vf)_mm256_sqrt_ps((__m256)x);
#else
  vf y;
  for (int i = 0; i < 8; ++i) y[i] = __builtin_sqrtf(x[i]);
  return y;
#endif
}

PAD_INLINE int sign_bits(vi mask) {
#ifdef PAD_AVX2
  return _mm256_movemask_ps((__m256)mask);
#else
  int bits = 0;
  for (int i = 0; i < 8; ++i) bits |= (mask[i] < 0) << i;
  return bits;
#endif
}

// The lanes' bits, or-ed.
PAD_INLINE std::uint32_t all_bits(vi x) {
  std::uint64_t pairs[4];
  std::memcpy(pairs, &x, sizeof x);
  const std::uint64_t all = (pairs[0] | pairs[1]) | (pairs[2] | pairs[3]);
  return static_cast<std::uint32_t>(all | all >> 32);
}

PAD_INLINE float sum(vf x) {
  const float a = x[0] + x[4], b = x[1] + x[5], c = x[2] + x[6], d = x[3] + x[7];
  return (a + c) + (b + d);
}

// 2^x for -126 < x < 127 (garbage outside: mask or clamp); relative error 2e-7.
PAD_INLINE vf exp2_fast(vf x) {
  const vf shifted = x + 12582912.f;  // 1.5 * 2^23: the rounded integer lands in the low bits
  const vf f = x - (shifted - 12582912.f);
  vf p = broadcast(1.33908633e-3f);  // Chebyshev fit on [-0.5, 0.5]
  p = p * f + 9.67603177e-3f;
  p = p * f + 5.55035695e-2f;
  p = p * f + 2.40221068e-1f;
  p = p * f + 6.93147182e-1f;
  p = p * f + 1.00000012f;
  return (vf)((vi)p + ((vi)shifted << 23));
}

PAD_INLINE vf exponential(vf x) {
  return exp2_fast(clamp(x * 1.44269504f, broadcast(-125.f), broadcast(125.f)));
}

struct Group {  // the rows that a vector's lanes stand for; the last row repeats past the end
  std::int64_t row[8];
  int size;

  Group(std::int64_t begin, std::int64_t end) {
    size = end - begin < 8 ? static_cast<int>(end - begin) : 8;
    for (int i = 0; i < 8; ++i) row[i] = begin + (i < size ? i : size - 1);
  }
};

PAD_INLINE vf gather(const float* values, const Group& group, std::int64_t stride) {
  vf x;
  for (int i = 0; i < 8; ++i) x[i] = values[group.row[i] * stride];
  return x;
}

PAD_INLINE void scatter(float* values, const Group& group, std::int64_t stride, vf x) {
  for (int i = 0; i < group.size; ++i) values[group.row[i] * stride] = x[i];
}

}  // namespace PAD_NAMESPACE
}  // namespace pad
