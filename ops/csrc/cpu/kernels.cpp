// Builds the kernels once per instruction set and picks one at run time, so
// that one wheel serves every x86-64 processor. Elsewhere (aarch64) the
// 16-byte vectors of the baseline are the native ones.
#include "kernels.h"

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define MMAVS_INLINE inline __attribute__((always_inline))

#define MMAVS_VECTOR_BYTES 16
namespace mmavs::baseline {
constexpr char kName[] = "baseline";
#include "kernels.inc"
}  // namespace mmavs::baseline
#undef MMAVS_VECTOR_BYTES

#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define MMAVS_VECTOR_BYTES 32
namespace mmavs::avx2 {
constexpr char kName[] = "avx2";
#include "kernels.inc"
}  // namespace mmavs::avx2
#undef MMAVS_VECTOR_BYTES
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push( \
    __attribute__((target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl"))), \
    apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl")
#pragma GCC target("prefer-vector-width=512")
#endif
#define MMAVS_VECTOR_BYTES 64
namespace mmavs::avx512 {
constexpr char kName[] = "avx512";
#include "kernels.inc"
}  // namespace mmavs::avx512
#undef MMAVS_VECTOR_BYTES
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif  // __x86_64__

namespace mmavs {
namespace {

const KernelSet& pick() {
#if defined(__x86_64__)
  const char* asked = std::getenv("MMAVS_OPS_ISA");
  const bool any = asked == nullptr;
  __builtin_cpu_init();
  const bool avx2 =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl");
  if (avx512 && (any || std::strcmp(asked, "avx512") == 0)) {
    return avx512::kKernels;
  }
  if (avx2 && (any || std::strcmp(asked, "baseline") != 0)) {
    return avx2::kKernels;
  }
#endif
  return baseline::kKernels;
}

}  // namespace

const KernelSet& kernels() {
  static const KernelSet& picked = pick();
  return picked;
}

}  // namespace mmavs
