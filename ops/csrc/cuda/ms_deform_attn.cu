// The operator on CUDA: checks, sizes and launches around the kernels.
#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include <algorithm>
#include <limits>
#include <tuple>

#include "../checks.h"
#include "kernels.cuh"

namespace mmavs {
namespace {

using at::Tensor;

constexpr int kThreads = 256;

struct Operands {
  Tensor value;
  Tensor locations;
  Tensor weights;
  Tensor shapes;  // kept for the pointers in `tables`
  Tensor starts;
  Tables tables;
  Sizes sizes;
};

Operands prepare(const Tensor& value, const Tensor& shapes,
                 const Tensor& starts, const Tensor& locations,
                 const Tensor& weights) {
  check_arguments(value, shapes, starts, locations, weights);
  TORCH_CHECK_VALUE(shapes.device() == starts.device() &&
                        (shapes.is_cpu() || shapes.device() == value.device()),
                    "spatial_shapes and level_start_index must be on one "
                    "device, the CPU or that of value, ",
                    value.device(), ", got ", shapes.device(), " and ",
                    starts.device());
  TORCH_CHECK_VALUE(locations.size(3) <= kMaxLevels,
                    "sampling_locations must have at most ", kMaxLevels,
                    " levels on CUDA, got ", locations.size(3));
  TORCH_CHECK_VALUE(
      value.numel() / std::max<int64_t>(value.size(0), 1) <
          std::numeric_limits<int>::max(),
      "value must have fewer than 2^31 numbers per frame, got ",
      value.sizes());
  Operands on{value.contiguous(), locations.contiguous(),
              weights.contiguous(), shapes.contiguous(), starts.contiguous(),
              {}, {}};
  if (shapes.is_cpu()) {
    int level = 0;
    read_levels(shapes, starts, value.size(1),
                [&](int64_t, int64_t height, int64_t width) {
                  on.tables.height[level] = static_cast<int>(height);
                  on.tables.width[level] = static_cast<int>(width);
                  ++level;
                });
  } else {
    on.tables.shapes = on.shapes.const_data_ptr<int64_t>();
    on.tables.starts = on.starts.const_data_ptr<int64_t>();
  }
  on.sizes.num_rows = static_cast<int>(value.size(1));
  on.sizes.num_heads = static_cast<int>(value.size(2));
  on.sizes.channels = static_cast<int>(value.size(3));
  on.sizes.num_queries = static_cast<int>(locations.size(1));
  on.sizes.num_levels = static_cast<int>(locations.size(3));
  on.sizes.num_points = static_cast<int>(locations.size(4));
  return on;
}

// Spreads `queries_per_block` queries of one head over each block.
unsigned spread(Sizes* sizes, int64_t num_frames, int queries_per_block) {
  sizes->queries_per_block = queries_per_block;
  sizes->blocks_per_head =
      (sizes->num_queries + queries_per_block - 1) / queries_per_block;
  const int64_t blocks =
      num_frames * sizes->num_heads * sizes->blocks_per_head;
  TORCH_CHECK_VALUE(blocks < std::numeric_limits<int>::max(),
                    "sampling_locations has too many queries for one launch");
  return static_cast<unsigned>(blocks);
}

// Calls `call(T, PT)` with values of the dtypes of values and of points.
template <typename F>
void with_dtypes(const Operands& on, const F& call) {
  const auto value = on.value.scalar_type();
  const bool same = on.locations.scalar_type() == value;
  if (value == at::kDouble) {
    call(double{}, double{});
  } else if (value == at::kFloat) {
    call(float{}, float{});
  } else if (value == at::kHalf) {
    same ? call(__half{}, __half{}) : call(__half{}, float{});
  } else {
    same ? call(__nv_bfloat16{}, __nv_bfloat16{})
         : call(__nv_bfloat16{}, float{});
  }
}

template <int kVecValue, int kGroupValue>
struct Layout {
  static constexpr int kVec = kVecValue;
  static constexpr int kGroup = kGroupValue;
};

// Calls `call(layout)` with threads and channels for the head width: 16 bytes
// per thread if the width allows it, else one channel per thread.
template <typename T, typename F>
void with_layout(int channels, const F& call) {
  constexpr int kVec = 16 / sizeof(T);
  if constexpr (sizeof(T) < 8) {
    if (channels == 4 * kVec) return call(Layout<kVec, 4>{});
    if (channels == 8 * kVec) return call(Layout<kVec, 8>{});
    if (channels == 16 * kVec) return call(Layout<kVec, 16>{});
  }
  call(Layout<1, 32>{});
}

Tensor forward(const Tensor& value_in, const Tensor& shapes,
               const Tensor& starts, const Tensor& locations_in,
               const Tensor& weights_in) {
  Operands on = prepare(value_in, shapes, starts, locations_in, weights_in);
  const c10::cuda::CUDAGuard guard(on.value.device());
  const int64_t num_frames = on.value.size(0);
  Tensor output =
      at::empty({num_frames, on.sizes.num_queries,
                 static_cast<int64_t>(on.sizes.num_heads) * on.sizes.channels},
                on.value.options());
  if (output.numel() == 0) return output;
  const auto stream = c10::cuda::getCurrentCUDAStream();
  with_dtypes(on, [&](auto value_type, auto point_type) {
    using T = decltype(value_type);
    using PT = decltype(point_type);
    with_layout<T>(on.sizes.channels, [&](auto layout) {
      using L = decltype(layout);
      const T* value = static_cast<const T*>(on.value.const_data_ptr());
      const PT* locations =
          static_cast<const PT*>(on.locations.const_data_ptr());
      const PT* weights = static_cast<const PT*>(on.weights.const_data_ptr());
      T* out = static_cast<T*>(output.mutable_data_ptr());
      const unsigned blocks =
          spread(&on.sizes, num_frames, kThreads / L::kGroup);
      forward_kernel<T, PT, L::kVec, L::kGroup>
          <<<blocks, kThreads, 0, stream>>>(on.sizes, on.tables, value,
                                            locations, weights, out);
      C10_CUDA_KERNEL_LAUNCH_CHECK();
    });
  });
  return output;
}

std::tuple<Tensor, Tensor, Tensor> backward(
    const Tensor& grad_in, const Tensor& value_in, const Tensor& shapes,
    const Tensor& starts, const Tensor& locations_in,
    const Tensor& weights_in) {
  // Many threads add to the same rows, in no fixed order.
  at::globalContext().alertNotDeterministic("ms_deform_attn_backward_cuda");
  Operands on = prepare(value_in, shapes, starts, locations_in, weights_in);
  check_grad(grad_in, value_in, locations_in);
  const c10::cuda::CUDAGuard guard(on.value.device());
  const Tensor grad = grad_in.contiguous();
  const bool wide = on.value.scalar_type() == at::kDouble;
  Tensor grad_value = at::zeros(
      on.value.sizes(), on.value.options().dtype(wide ? at::kDouble
                                                      : at::kFloat));
  Tensor grad_locations = at::empty_like(on.locations);
  Tensor grad_weights = at::empty_like(on.weights);
  if (on.weights.numel() > 0 && on.value.numel() > 0) {
    const auto stream = c10::cuda::getCurrentCUDAStream();
    with_dtypes(on, [&](auto value_type, auto point_type) {
      using T = decltype(value_type);
      using PT = decltype(point_type);
      with_layout<T>(on.sizes.channels, [&](auto layout) {
        using L = decltype(layout);
        const unsigned blocks =
            spread(&on.sizes, on.value.size(0), kThreads / L::kGroup);
        backward_kernel<T, PT, L::kVec, L::kGroup>
            <<<blocks, kThreads, 0, stream>>>(
                on.sizes, on.tables,
                static_cast<const T*>(grad.const_data_ptr()),
                static_cast<const T*>(on.value.const_data_ptr()),
                static_cast<const PT*>(on.locations.const_data_ptr()),
                static_cast<const PT*>(on.weights.const_data_ptr()),
                static_cast<Accumulator<T>*>(grad_value.mutable_data_ptr()),
                static_cast<PT*>(grad_locations.mutable_data_ptr()),
                static_cast<PT*>(grad_weights.mutable_data_ptr()));
        C10_CUDA_KERNEL_LAUNCH_CHECK();
      });
    });
  }
  return {grad_value.to(on.value.scalar_type()), grad_locations,
          grad_weights};
}

}  // namespace
}  // namespace mmavs

TORCH_LIBRARY_IMPL(mmavs_ops, CUDA, m) {
  m.impl("ms_deform_attn", TORCH_FN(mmavs::forward));
  m.impl("ms_deform_attn_backward", TORCH_FN(mmavs::backward));
}
