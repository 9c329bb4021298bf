// Reading, widening and adding 16 bytes of channels at a time.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace mmavs {

template <typename T>
struct AccumulatorOf {
  using type = float;
};
template <>
struct AccumulatorOf<double> {
  using type = double;
};
template <typename T>
using Accumulator = typename AccumulatorOf<T>::type;

__device__ inline float widen(float x) { return x; }
__device__ inline double widen(double x) { return x; }
__device__ inline float widen(__half x) { return __half2float(x); }
__device__ inline float widen(__nv_bfloat16 x) { return __bfloat162float(x); }

__device__ inline void narrow(float x, float* to) { *to = x; }
__device__ inline void narrow(double x, double* to) { *to = x; }
__device__ inline void narrow(float x, __half* to) { *to = __float2half(x); }
__device__ inline void narrow(float x, __nv_bfloat16* to) {
  *to = __float2bfloat16(x);
}

// kVec neighbouring channels, contiguous in memory.
template <typename T, int kVec>
struct alignas(sizeof(T) * kVec) Channels {
  T at[kVec];

  __device__ void widen_to(Accumulator<T>* to) const {
#pragma unroll
    for (int i = 0; i < kVec; ++i) to[i] = widen(at[i]);
  }
};

// Two bfloat16 widen with one instruction each instead of a conversion.
template <>
struct alignas(16) Channels<__nv_bfloat16, 8> {
  uint32_t pairs[4];

  __device__ void widen_to(float* to) const {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      to[2 * i] = __uint_as_float(pairs[i] << 16);
      to[2 * i + 1] = __uint_as_float(pairs[i] & 0xffff0000u);
    }
  }
};

template <typename T, int kVec>
__device__ inline void store_channels(const Accumulator<T>* from, T* to) {
  Channels<T, kVec> packed;
  T* at = reinterpret_cast<T*>(&packed);
#pragma unroll
  for (int i = 0; i < kVec; ++i) narrow(from[i], at + i);
  *reinterpret_cast<Channels<T, kVec>*>(to) = packed;
}

// Adds to memory to which other threads also add.
template <int kVec, typename Acc>
__device__ inline void add_channels(const Acc* from, Acc* to) {
  if constexpr (sizeof(Acc) == 4 && kVec % 4 == 0) {
#pragma unroll
    for (int i = 0; i < kVec; i += 4) {
#if __CUDA_ARCH__ >= 900
      asm volatile(
          "red.relaxed.gpu.global.add.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(
              to + i),
          "f"(from[i]), "f"(from[i + 1]), "f"(from[i + 2]), "f"(from[i + 3])
          : "memory");
#else
      for (int k = i; k < i + 4; ++k) atomicAdd(to + k, from[k]);
#endif
    }
  } else {
#pragma unroll
    for (int i = 0; i < kVec; ++i) atomicAdd(to + i, from[i]);
  }
}

}  // namespace mmavs
