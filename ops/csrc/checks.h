// Checks of all kernels before they use pointers. The Python wrapper makes the
// same checks with longer messages; these cover direct calls of
// torch.ops.mmavs_ops.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

namespace mmavs {

inline void check_arguments(const at::Tensor& value, const at::Tensor& shapes,
                            const at::Tensor& starts,
                            const at::Tensor& locations,
                            const at::Tensor& weights) {
  TORCH_CHECK_VALUE(value.dim() == 4, "value must be (N, S, M, D), got ",
                    value.sizes());
  TORCH_CHECK_VALUE(
      locations.dim() == 6 && locations.size(5) == 2 &&
          locations.size(0) == value.size(0) &&
          locations.size(2) == value.size(2),
      "sampling_locations must be (N, Q, M, L, P, 2) with N=", value.size(0),
      " and M=", value.size(2), " as in value, got ", locations.sizes());
  TORCH_CHECK_VALUE(weights.sizes() == locations.sizes().slice(0, 5),
                    "attention_weights must be sampling_locations ",
                    locations.sizes(), " without its last dimension, got ",
                    weights.sizes());
  const int64_t num_levels = locations.size(3);
  TORCH_CHECK_VALUE(shapes.dim() == 2 && shapes.size(0) == num_levels &&
                        shapes.size(1) == 2 && shapes.scalar_type() == at::kLong,
                    "spatial_shapes must be int64 (", num_levels,
                    ", 2), got ", shapes.scalar_type(), " ", shapes.sizes());
  TORCH_CHECK_VALUE(starts.dim() == 1 && starts.size(0) == num_levels &&
                        starts.scalar_type() == at::kLong,
                    "level_start_index must be int64 (", num_levels,
                    ",), got ", starts.scalar_type(), " ", starts.sizes());
  TORCH_CHECK_VALUE(locations.scalar_type() == weights.scalar_type(),
                    "attention_weights must be of the dtype of "
                    "sampling_locations, ",
                    locations.scalar_type(), ", got ", weights.scalar_type());
  const bool half = value.scalar_type() == at::kHalf ||
                    value.scalar_type() == at::kBFloat16;
  TORCH_CHECK_VALUE(half || value.scalar_type() == at::kFloat ||
                        value.scalar_type() == at::kDouble,
                    "value must be float32, float64, float16 or bfloat16, "
                    "got ",
                    value.scalar_type());
  TORCH_CHECK_VALUE(
      locations.scalar_type() == value.scalar_type() ||
          (half && locations.scalar_type() == at::kFloat),
      "sampling_locations must be ", value.scalar_type(),
      half ? " or float32" : "", " for such a value, got ",
      locations.scalar_type());
  TORCH_CHECK_VALUE(locations.device() == value.device() &&
                        weights.device() == value.device(),
                    "sampling_locations and attention_weights must be on the "
                    "device of value, ",
                    value.device(), ", got ", locations.device(), " and ",
                    weights.device());
}

inline void check_grad(const at::Tensor& grad, const at::Tensor& value,
                       const at::Tensor& locations) {
  TORCH_CHECK_VALUE(
      grad.dim() == 3 && grad.size(0) == value.size(0) &&
          grad.size(1) == locations.size(1) &&
          grad.size(2) == value.size(2) * value.size(3) &&
          grad.scalar_type() == value.scalar_type() &&
          grad.device() == value.device(),
      "grad_output must be (N, Q, M * D) like the output, got ",
      grad.scalar_type(), " ", grad.sizes(), " on ", grad.device());
}

// Checks tables on the CPU; calls `add(start, height, width)` for each level.
template <class F>
void read_levels(const at::Tensor& shapes, const at::Tensor& starts,
                 int64_t num_rows, const F& add) {
  const at::Tensor sizes = shapes.contiguous();
  const at::Tensor firsts = starts.contiguous();
  const int64_t* size = sizes.const_data_ptr<int64_t>();
  const int64_t* first = firsts.const_data_ptr<int64_t>();
  int64_t total = 0;
  for (int64_t l = 0; l < sizes.size(0); ++l) {
    const int64_t height = size[2 * l];
    const int64_t width = size[2 * l + 1];
    // First check that each side is at most S, so that their product cannot
    // overflow.
    TORCH_CHECK_VALUE(height >= 1 && width >= 1 && height <= num_rows &&
                          width <= num_rows && height <= num_rows / width,
                      "spatial_shapes must add up to the S=", num_rows,
                      " rows of value, every side at least 1, got (", height,
                      ", ", width, ") for level ", l);
    total += height * width;
  }
  TORCH_CHECK_VALUE(total == num_rows, "spatial_shapes must add up to the S=",
                    num_rows, " rows of value, got ", total, " rows");
  total = 0;
  for (int64_t l = 0; l < sizes.size(0); ++l) {
    TORCH_CHECK_VALUE(first[l] == total,
                      "level_start_index must be the running sum of H * W, ",
                      total, " for level ", l, ", got ", first[l]);
    add(total, size[2 * l], size[2 * l + 1]);
    total += size[2 * l] * size[2 * l + 1];
  }
}

}  // namespace mmavs
