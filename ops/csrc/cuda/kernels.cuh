// The CUDA kernels. A group of kGroup neighbouring threads computes one query
// of one head, kVec channels per thread. A block computes queries of one frame
// and head, so that it gathers the rows of one head only.
#pragma once

#include "vectors.cuh"

namespace mmavs {

constexpr int kMaxLevels = 16;

// N frames, S rows, M heads, D channels, Q queries, L levels, P points.
struct Sizes {
  int num_rows;
  int num_heads;
  int channels;
  int num_queries;
  int num_levels;
  int num_points;
  int blocks_per_head;
  int queries_per_block;
};

// Tables of levels: by value if they are on the host, else on the device.
struct Tables {
  const int64_t* shapes;  // null: the arrays below count
  const int64_t* starts;
  int height[kMaxLevels];
  int width[kMaxLevels];
};

struct Levels {
  int start[kMaxLevels];
  int height[kMaxLevels];
  int width[kMaxLevels];
  bool valid;
};

// Reads the tables into shared memory. Tables on the device are checked here,
// because reading them on the host would synchronise the stream.
__device__ inline void read_levels(const Sizes& sizes, const Tables& tables,
                                   Levels* levels) {
  if (threadIdx.x == 0) {
    int64_t total = 0;
    bool valid = true;
    for (int l = 0; l < sizes.num_levels; ++l) {
      const bool host = tables.shapes == nullptr;
      const int64_t height = host ? tables.height[l] : tables.shapes[2 * l];
      const int64_t width = host ? tables.width[l] : tables.shapes[2 * l + 1];
      valid = valid && height >= 1 && width >= 1 &&
              height <= sizes.num_rows && width <= sizes.num_rows &&
              (host || tables.starts[l] == total);
      levels->start[l] = static_cast<int>(total);
      levels->height[l] = static_cast<int>(height);
      levels->width[l] = static_cast<int>(width);
      total = valid ? total + height * width : total;
      valid = valid && total <= sizes.num_rows;
    }
    levels->valid = valid && total == sizes.num_rows;
  }
  __syncthreads();
}

// Position of a point: the row of its top left corner, its fraction between
// the corners, and which corners are inside of the map.
template <typename Acc>
struct Point {
  int row;
  Acc frac_x;
  Acc frac_y;
  bool inside[4];  // top left, top right, bottom left, bottom right
};

template <typename Acc>
__device__ inline Point<Acc> locate(Acc x, Acc y, int width, int height) {
  x = x * static_cast<Acc>(width) - static_cast<Acc>(0.5);
  y = y * static_cast<Acc>(height) - static_cast<Acc>(0.5);
  const Acc left = floor(x);
  const Acc top = floor(y);
  Point<Acc> point;
  // NaN if the position is not finite: inf - inf and NaN - NaN.
  point.frac_x = x - left;
  point.frac_y = y - top;
  // Clamp positions far outside to just outside, which fits an int; fmax and
  // fmin replace a NaN by the other argument.
  const int x0 = static_cast<int>(
      fmin(fmax(left, static_cast<Acc>(-2)), static_cast<Acc>(width)));
  const int y0 = static_cast<int>(
      fmin(fmax(top, static_cast<Acc>(-2)), static_cast<Acc>(height)));
  const bool in_left = x0 >= 0 && x0 < width;
  const bool in_right = x0 >= -1 && x0 < width - 1;
  const bool in_top = y0 >= 0 && y0 < height;
  const bool in_bottom = y0 >= -1 && y0 < height - 1;
  point.row = y0 * width + x0;
  point.inside[0] = in_top && in_left;
  point.inside[1] = in_top && in_right;
  point.inside[2] = in_bottom && in_left;
  point.inside[3] = in_bottom && in_right;
  return point;
}

template <typename Acc>
__device__ inline void corner_shares(const Point<Acc>& point, Acc* share) {
  share[0] = (1 - point.frac_x) * (1 - point.frac_y);
  share[1] = point.frac_x * (1 - point.frac_y);
  share[2] = (1 - point.frac_x) * point.frac_y;
  share[3] = point.frac_x * point.frac_y;
}

// Reads the four corners' channels, zero outside of the map. `rows` points to
// the level's first row at this thread's channels.
template <int kVec, typename T>
__device__ inline void read_corners(const Point<Accumulator<T>>& point,
                                    const T* rows, int stride, int width,
                                    Channels<T, kVec>* corners) {
#pragma unroll
  for (int corner = 0; corner < 4; ++corner) {
    const int row = point.row + (corner & 1) + (corner >> 1) * width;
    corners[corner] = {};
    if (point.inside[corner]) {
      corners[corner] = *reinterpret_cast<const Channels<T, kVec>*>(
          rows + static_cast<int64_t>(row) * stride);
    }
  }
}

template <typename PT>
struct alignas(2 * sizeof(PT)) Location {
  PT x;
  PT y;
};

// Adds the points of one level to this thread's channels.
template <int kVec, typename T, typename PT>
__device__ inline void gather_level(const T* rows, int stride, int width,
                                    int height, int num_points,
                                    const Location<PT>* locations,
                                    const PT* weights, Accumulator<T>* sum) {
  using Acc = Accumulator<T>;
#pragma unroll 4
  for (int p = 0; p < num_points; ++p) {
    const Location<PT> location = locations[p];
    const Acc weight = widen(weights[p]);
    const Point<Acc> point = locate<Acc>(widen(location.x),
                                         widen(location.y), width, height);
    Acc share[4];
    corner_shares(point, share);
    Channels<T, kVec> corners[4];
    read_corners<kVec>(point, rows, stride, width, corners);
#pragma unroll
    for (int corner = 0; corner < 4; ++corner) {
      Acc wide[kVec];
      corners[corner].widen_to(wide);
      const Acc factor = weight * share[corner];
#pragma unroll
      for (int i = 0; i < kVec; ++i) sum[i] += factor * wide[i];
    }
  }
}

template <typename T, typename PT, int kVec, int kGroup>
__global__ void __launch_bounds__(256)
    forward_kernel(const Sizes sizes, const Tables tables, const T* value,
                   const PT* locations, const PT* weights, T* output) {
  using Acc = Accumulator<T>;
  __shared__ Levels levels;
  read_levels(sizes, tables, &levels);
  const int stride = sizes.num_heads * sizes.channels;
  const int head = blockIdx.x / sizes.blocks_per_head % sizes.num_heads;
  const int64_t frame =
      blockIdx.x / sizes.blocks_per_head / sizes.num_heads;
  const int query = blockIdx.x % sizes.blocks_per_head *
                        sizes.queries_per_block +
                    threadIdx.x / kGroup;
  if (query >= sizes.num_queries) return;
  const int64_t item =
      (frame * sizes.num_queries + query) * sizes.num_heads + head;
  const T* rows =
      value + frame * sizes.num_rows * stride + head * sizes.channels;
  for (int c = threadIdx.x % kGroup * kVec; c < sizes.channels;
       c += kGroup * kVec) {
    Acc sum[kVec] = {};
    for (int l = 0; l < sizes.num_levels && levels.valid; ++l) {
      const int64_t first =
          (item * sizes.num_levels + l) * sizes.num_points;
      gather_level<kVec, T, PT>(
          rows + static_cast<int64_t>(levels.start[l]) * stride + c, stride,
          levels.width[l], levels.height[l], sizes.num_points,
          reinterpret_cast<const Location<PT>*>(locations) + first,
          weights + first, sum);
    }
    if (!levels.valid) {
      for (int i = 0; i < kVec; ++i) sum[i] = static_cast<Acc>(NAN);
    }
    store_channels<T, kVec>(sum, output + item * sizes.channels + c);
  }
}

template <int kGroup, typename Acc>
__device__ inline Acc sum_over_group(Acc x) {
#pragma unroll
  for (int offset = kGroup / 2; offset > 0; offset /= 2) {
    x += __shfl_xor_sync(0xffffffffu, x, offset);
  }
  return x;
}

// Contribution of one thread's channels to a point's gradients.
template <typename Acc>
struct PointGrad {
  Acc weight = 0;
  Acc x = 0;
  Acc y = 0;
};

// One point, one thread's channels: adds to the gradient of the four rows.
template <int kVec, typename T>
__device__ inline void scatter_point(const Point<Accumulator<T>>& point,
                                     Accumulator<T> weight, const T* rows,
                                     Accumulator<T>* grad_rows, int stride,
                                     int width, const Accumulator<T>* grad,
                                     PointGrad<Accumulator<T>>* out) {
  using Acc = Accumulator<T>;
  Acc share[4];
  corner_shares(point, share);
  Channels<T, kVec> corners[4];
  read_corners<kVec>(point, rows, stride, width, corners);
  Acc dot[4];
#pragma unroll
  for (int corner = 0; corner < 4; ++corner) {
    Acc wide[kVec];
    corners[corner].widen_to(wide);
    dot[corner] = 0;
#pragma unroll
    for (int i = 0; i < kVec; ++i) dot[corner] += grad[i] * wide[i];
    if (point.inside[corner]) {
      const int row = point.row + (corner & 1) + (corner >> 1) * width;
      const Acc factor = weight * share[corner];
      Acc part[kVec];
#pragma unroll
      for (int i = 0; i < kVec; ++i) part[i] = factor * grad[i];
      add_channels<kVec>(part, grad_rows + static_cast<int64_t>(row) * stride);
    }
  }
  const Acc slope_top = dot[1] - dot[0];
  const Acc slope_bottom = dot[3] - dot[2];
  const Acc top = dot[0] + slope_top * point.frac_x;
  const Acc bottom = dot[2] + slope_bottom * point.frac_x;
  out->weight += top + (bottom - top) * point.frac_y;
  out->x += slope_top + (slope_bottom - slope_top) * point.frac_y;
  out->y += bottom - top;
}

// Threads beyond the last query stay for the sums over the group.
template <typename T, typename PT, int kVec, int kGroup>
__global__ void __launch_bounds__(256)
    backward_kernel(const Sizes sizes, const Tables tables,
                    const T* grad_output, const T* value, const PT* locations,
                    const PT* weights, Accumulator<T>* grad_value,
                    PT* grad_locations, PT* grad_weights) {
  using Acc = Accumulator<T>;
  __shared__ Levels levels;
  read_levels(sizes, tables, &levels);
  const int stride = sizes.num_heads * sizes.channels;
  const int head = blockIdx.x / sizes.blocks_per_head % sizes.num_heads;
  const int64_t frame =
      blockIdx.x / sizes.blocks_per_head / sizes.num_heads;
  const int query = blockIdx.x % sizes.blocks_per_head *
                        sizes.queries_per_block +
                    threadIdx.x / kGroup;
  const bool active = query < sizes.num_queries;
  const int64_t item = (frame * sizes.num_queries + (active ? query : 0)) *
                           sizes.num_heads +
                       head;
  const int per_head = sizes.num_levels * sizes.num_points;
  const int lane = threadIdx.x % kGroup;
  const int64_t offset =
      frame * sizes.num_rows * stride + head * sizes.channels;
  // One load serves all points when a group covers all channels.
  Acc grad[kVec] = {};
  if (active && lane * kVec < sizes.channels) {
    reinterpret_cast<const Channels<T, kVec>*>(
        grad_output + item * sizes.channels + lane * kVec)
        ->widen_to(grad);
  }
  for (int l = 0; l < sizes.num_levels; ++l) {
    const int64_t base =
        offset + static_cast<int64_t>(levels.start[l]) * stride;
    const int width = levels.width[l];
    const int height = levels.height[l];
#pragma unroll 2
    for (int p = 0; p < sizes.num_points; ++p) {
      const int64_t index = item * per_head + l * sizes.num_points + p;
      const Location<PT> location =
          reinterpret_cast<const Location<PT>*>(locations)[index];
      const Acc weight = widen(weights[index]);
      const Point<Acc> point = locate<Acc>(
          widen(location.x), widen(location.y), width, height);
      PointGrad<Acc> out;
      if (active && levels.valid) {
        for (int c = lane * kVec; c < sizes.channels; c += kGroup * kVec) {
          if (c >= kGroup * kVec) {
            reinterpret_cast<const Channels<T, kVec>*>(
                grad_output + item * sizes.channels + c)
                ->widen_to(grad);
          }
          scatter_point<kVec>(point, weight, value + base + c,
                              grad_value + base + c, stride, width, grad,
                              &out);
        }
        if (sizes.channels > kGroup * kVec) {
          reinterpret_cast<const Channels<T, kVec>*>(
              grad_output + item * sizes.channels + lane * kVec)
              ->widen_to(grad);
        }
      }
      out.weight = sum_over_group<kGroup>(out.weight);
      out.x = sum_over_group<kGroup>(out.x);
      out.y = sum_over_group<kGroup>(out.y);
      if (active && lane == 0) {
        const Acc bad = levels.valid ? 0 : static_cast<Acc>(NAN);
        narrow(out.weight + bad, grad_weights + index);
        narrow(weight * width * out.x + bad, grad_locations + 2 * index);
        narrow(weight * height * out.y + bad, grad_locations + 2 * index + 1);
      }
    }
  }
}

}  // namespace mmavs
