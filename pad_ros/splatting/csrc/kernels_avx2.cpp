#include "kernels.h"

// Standard headers come before the target pragma: their inline functions must stay runnable everywhere.
#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define PAD_AVX2
#define PAD_NAMESPACE avx2
#define PAD_STRING "avx2"
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#include "kernels_body.inc"
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace pad {
const Kernels* avx2_kernels() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &avx2::kTable : nullptr;
}
}  // namespace pad
#else
namespace pad {
const Kernels* avx2_kernels() { return nullptr; }
}  // namespace pad
#endif
