// Runs the CPU kernels on buffers of exact size with hostile positions; built
// with AddressSanitizer by test_out_of_bounds.py. Prints the number of runs.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>
#include <vector>

#include "kernels.h"

using namespace mmavs;

namespace {

constexpr int kFrames = 2;
constexpr int kHeads = 2;
constexpr int kPoints = 3;

std::mt19937 random_bits(0);

float hostile() {
  const float inf = std::numeric_limits<float>::infinity();
  const float some[] = {0.f,   1.f,   -0.f,  0.5f,   NAN,    inf,
                        -inf,  1e30f, -1e30f, 3e9f,  -3e9f,  1.0000001f,
                        -1e-7f, 0.999999f};
  if (random_bits() % 2) return some[random_bits() % 14];
  return std::uniform_real_distribution<float>(-0.5f, 1.5f)(random_bits);
}

size_t size_of(Dtype dtype) {
  return dtype == Dtype::kDouble ? 8 : dtype == Dtype::kFloat ? 4 : 2;
}

// Bytes that mean hostile numbers in `dtype`. float16 gets random bits.
std::vector<char> numbers(size_t count, Dtype dtype) {
  std::vector<char> bytes(count * size_of(dtype));
  for (size_t i = 0; i < count; ++i) {
    const float x = hostile();
    if (dtype == Dtype::kDouble) {
      reinterpret_cast<double*>(bytes.data())[i] = x;
    } else if (dtype == Dtype::kFloat) {
      reinterpret_cast<float*>(bytes.data())[i] = x;
    } else if (dtype == Dtype::kBFloat16) {
      reinterpret_cast<uint16_t*>(bytes.data())[i] =
          reinterpret_cast<const uint32_t&>(x) >> 16;
    } else {
      reinterpret_cast<uint16_t*>(bytes.data())[i] = random_bits();
    }
  }
  return bytes;
}

void run(int channels, int queries, Dtype value_dtype, Dtype point_dtype) {
  const std::vector<Level> levels = {{0, 1, 1}, {1, 3, 2}, {7, 4, 5}};
  const size_t rows = 27;
  const size_t values = kFrames * rows * kHeads * channels;
  const size_t outputs = size_t(kFrames) * queries * kHeads * channels;
  const size_t points = size_t(kFrames) * queries * kHeads * 3 * kPoints;
  const auto value = numbers(values, value_dtype);
  const auto locations = numbers(2 * points, point_dtype);
  const auto weights = numbers(points, point_dtype);
  const auto grad = numbers(outputs, value_dtype);
  auto output = numbers(outputs, value_dtype);
  auto grad_value = numbers(values, value_dtype);
  auto grad_locations = numbers(2 * points, point_dtype);
  auto grad_weights = numbers(points, point_dtype);
  const Problem problem = {
      int64_t(rows),         kHeads,         channels,
      queries,               3,              kPoints,
      levels.data(),         value_dtype,    point_dtype,
      value.data(),          locations.data(), weights.data(),
      output.data(),         grad.data(),    grad_value.data(),
      grad_locations.data(), grad_weights.data()};
  const KernelSet& set = kernels();
  for (int frame = 0; frame < kFrames; ++frame) {
    const auto room = (set.forward_scratch(problem, kHeads) + 63) / 64 * 64;
    void* scratch = std::aligned_alloc(64, room);
    set.forward(problem, {frame, 0, kHeads, 0, queries}, scratch);
    std::free(scratch);
    for (int head = 0; head < kHeads; ++head) {
      const auto room = (set.backward_scratch(problem) + 63) / 64 * 64;
      void* scratch = std::aligned_alloc(64, room);
      set.backward(problem, {frame, head, 1, 0, 3}, scratch);
      set.backward(problem, {frame, head, 1, 1, 2}, scratch);
      std::free(scratch);
    }
  }
}

}  // namespace

int main() {
  int runs = 0;
  for (const int channels : {1, 8, 30, 32, 64, 71}) {
    for (const int queries : {1, 5, 130}) {
      for (const Dtype dtype : {Dtype::kFloat, Dtype::kDouble, Dtype::kHalf,
                                Dtype::kBFloat16}) {
        run(channels, queries, dtype, dtype);
        ++runs;
      }
      run(channels, queries, Dtype::kHalf, Dtype::kFloat);
      run(channels, queries, Dtype::kBFloat16, Dtype::kFloat);
      runs += 2;
    }
  }
  std::printf("%s %d\n", kernels().name, runs);
}
