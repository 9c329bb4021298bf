// The CPU kernels' interface. It names no PyTorch type, so that the kernels
// compile in seconds and are built once per instruction set.
#pragma once

#include <cstdint>

namespace mmavs {

enum class Dtype { kFloat, kDouble, kHalf, kBFloat16 };

struct Level {
  int64_t start;  // first row in `value`
  int64_t height;
  int64_t width;
};

// N frames, S rows, M heads, D channels, Q queries, L levels, P points.
// All tensors are contiguous.
struct Problem {
  int64_t num_rows;
  int64_t num_heads;
  int64_t channels;
  int64_t num_queries;
  int64_t num_levels;
  int64_t num_points;
  const Level* levels;
  Dtype value_dtype;
  Dtype point_dtype;         // of locations and weights
  const void* value;         // (N, S, M, D)
  const void* locations;     // (N, Q, M, L, P, 2)
  const void* weights;       // (N, Q, M, L, P)
  void* output;              // (N, Q, M, D)
  const void* grad_output;   // (N, Q, M, D)
  void* grad_value;          // (N, S, M, D)
  void* grad_locations;      // (N, Q, M, L, P, 2)
  void* grad_weights;        // (N, Q, M, L, P)
};

// The part of a frame that one task computes. Forward: queries [begin, end) of
// num_heads heads. Backward: levels [begin, end) of one head. No other task
// writes their rows, so the order of sums does not depend on the number of
// threads.
struct Part {
  int64_t frame;
  int64_t head;
  int64_t num_heads;
  int64_t begin;
  int64_t end;
};

struct KernelSet {
  const char* name;
  // Bytes of scratch memory, aligned to 64, that a running task needs.
  int64_t (*forward_scratch)(const Problem&, int64_t num_heads);
  int64_t (*backward_scratch)(const Problem&);
  void (*forward)(const Problem&, const Part&, void* scratch);
  void (*backward)(const Problem&, const Part&, void* scratch);
};

// The best instruction set that this processor supports, limited by
// MMAVS_OPS_ISA=baseline|avx2|avx512.
const KernelSet& kernels();

}  // namespace mmavs
