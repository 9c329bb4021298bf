// The operator on the CPU: checks, memory and threads around the kernels.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <tuple>
#include <vector>

#include "../checks.h"
#include "kernels.h"

namespace mmavs {
namespace {

using at::Tensor;

constexpr int64_t kCachedBytes = 800 * 1024;

Dtype dtype_of(const Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kDouble:
      return Dtype::kDouble;
    case at::kHalf:
      return Dtype::kHalf;
    case at::kBFloat16:
      return Dtype::kBFloat16;
    default:
      return Dtype::kFloat;
  }
}

std::vector<Level> levels_of(const Tensor& value, const Tensor& shapes,
                             const Tensor& starts) {
  TORCH_CHECK_VALUE(value.is_cpu() && shapes.is_cpu() && starts.is_cpu(),
                    "spatial_shapes and level_start_index must be on the CPU "
                    "for a value there, got ",
                    shapes.device(), " and ", starts.device());
  // Offsets into the packed rows of a head are 32 bits wide.
  const int64_t widest = (value.size(3) + 64) * 8;
  TORCH_CHECK_VALUE(
      value.size(1) < std::numeric_limits<int32_t>::max() / widest - 1,
      "value must have fewer than ",
      std::numeric_limits<int32_t>::max() / widest - 1,
      " rows of this head width, got ", value.size(1));
  std::vector<Level> levels;
  read_levels(shapes, starts, value.size(1),
              [&](int64_t start, int64_t height, int64_t width) {
                levels.push_back({start, height, width});
              });
  return levels;
}

Problem describe(const Tensor& value, const std::vector<Level>& levels,
                 const Tensor& locations, const Tensor& weights) {
  Problem problem{};
  problem.num_rows = value.size(1);
  problem.num_heads = value.size(2);
  problem.channels = value.size(3);
  problem.num_queries = locations.size(1);
  problem.num_levels = locations.size(3);
  problem.num_points = locations.size(4);
  problem.levels = levels.data();
  problem.value_dtype = dtype_of(value);
  problem.point_dtype = dtype_of(locations);
  problem.value = value.const_data_ptr();
  problem.locations = locations.const_data_ptr();
  problem.weights = weights.const_data_ptr();
  return problem;
}

// Assigns `num_tasks` independent tasks to the threads one by one, so that a
// slow thread gets fewer of them.
template <class F>
void run_tasks(int64_t num_tasks, int64_t scratch_bytes, const F& task) {
  const int64_t num_threads =
      std::min<int64_t>(num_tasks, at::get_num_threads());
  const int64_t room = (scratch_bytes + 4095) / 4096 * 4096;
  // Each thread's part starts on a cache line: allocations are aligned to 64.
  Tensor scratch = at::empty({num_threads * room}, at::kByte);
  char* memory = static_cast<char*>(scratch.mutable_data_ptr());
  std::atomic<int64_t> next{0};
  at::parallel_for(0, num_threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t thread = begin; thread < end; ++thread) {
      for (int64_t i = next++; i < num_tasks; i = next++) {
        task(i, memory + thread * room);
      }
    }
  });
}

// Neighbouring heads share cache lines and pages, so a task computes several
// heads if their rows fit into half of a typical second-level cache.
int64_t heads_together(const Problem& problem) {
  const bool half = problem.value_dtype == Dtype::kBFloat16;
  const int64_t bytes = problem.num_rows * problem.channels * (half ? 2 : 4);
  int64_t together = 1;
  while (problem.num_heads % (2 * together) == 0 &&
         2 * together * bytes <= kCachedBytes) {
    together *= 2;
  }
  return together;
}

Tensor forward(const Tensor& value_in, const Tensor& shapes,
               const Tensor& starts, const Tensor& locations_in,
               const Tensor& weights_in) {
  check_arguments(value_in, shapes, starts, locations_in, weights_in);
  const std::vector<Level> levels = levels_of(value_in, shapes, starts);
  const Tensor value = value_in.contiguous();
  const Tensor locations = locations_in.contiguous();
  const Tensor weights = weights_in.contiguous();
  Tensor output = at::empty({value.size(0), locations.size(1),
                             value.size(2) * value.size(3)},
                            value.options());
  if (output.numel() == 0) return output;
  Problem problem = describe(value, levels, locations, weights);
  problem.output = output.mutable_data_ptr();
  const KernelSet& set = kernels();
  // Every task packs its heads' rows first, so queries are split into several
  // tasks only if there are fewer frames and heads than threads.
  const int64_t together = heads_together(problem);
  const int64_t parts = problem.num_heads / together;
  const int64_t heads = value.size(0) * parts;
  const int64_t splits = std::clamp<int64_t>(
      4 * at::get_num_threads() / heads, 1, (problem.num_queries + 255) / 256);
  const int64_t share = (problem.num_queries + splits - 1) / splits;
  run_tasks(heads * splits, set.forward_scratch(problem, together),
            [&](int64_t i, void* scratch) {
              const int64_t begin =
                  std::min(i % splits * share, problem.num_queries);
              const int64_t end =
                  std::min(begin + share, problem.num_queries);
              const int64_t group = i / splits;
              set.forward(problem,
                          {group / parts, group % parts * together, together,
                           begin, end},
                          scratch);
            });
  return output;
}

std::tuple<Tensor, Tensor, Tensor> backward(
    const Tensor& grad_in, const Tensor& value_in, const Tensor& shapes,
    const Tensor& starts, const Tensor& locations_in,
    const Tensor& weights_in) {
  check_arguments(value_in, shapes, starts, locations_in, weights_in);
  check_grad(grad_in, value_in, locations_in);
  const std::vector<Level> levels = levels_of(value_in, shapes, starts);
  const Tensor grad = grad_in.contiguous();
  const Tensor value = value_in.contiguous();
  const Tensor locations = locations_in.contiguous();
  const Tensor weights = weights_in.contiguous();
  Tensor grad_value = at::empty_like(value);
  Tensor grad_locations = at::empty_like(locations);
  Tensor grad_weights = at::empty_like(weights);
  Problem problem = describe(value, levels, locations, weights);
  problem.grad_output = grad.const_data_ptr();
  problem.grad_value = grad_value.mutable_data_ptr();
  problem.grad_locations = grad_locations.mutable_data_ptr();
  problem.grad_weights = grad_weights.mutable_data_ptr();
  const int64_t heads = value.size(0) * problem.num_heads;
  if (heads == 0 || problem.num_levels == 0) {
    return {grad_value, grad_locations, grad_weights};
  }
  const KernelSet& set = kernels();
  const bool split = heads < 4 * at::get_num_threads();
  const int64_t parts = split ? problem.num_levels : 1;
  run_tasks(heads * parts, set.backward_scratch(problem),
            [&](int64_t i, void* scratch) {
              const int64_t head = i / parts;
              // Begin with the last level, which is usually the largest.
              const int64_t first = split ? parts - 1 - i % parts : 0;
              const int64_t last = split ? first + 1 : problem.num_levels;
              set.backward(problem,
                           {head / problem.num_heads,
                            head % problem.num_heads, 1, first, last},
                           scratch);
            });
  return {grad_value, grad_locations, grad_weights};
}

}  // namespace
}  // namespace mmavs

TORCH_LIBRARY_IMPL(mmavs_ops, CPU, m) {
  m.impl("ms_deform_attn", TORCH_FN(mmavs::forward));
  m.impl("ms_deform_attn_backward", TORCH_FN(mmavs::backward));
}
