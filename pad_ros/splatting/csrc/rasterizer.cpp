#include "rasterizer.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace pad {

template <class Job>
void Rasterizer::split(std::int64_t count, std::int64_t grain, const Job& job) {
  const std::int64_t pieces = (count + grain - 1) / grain;
  pool_.run(static_cast<int>(pieces), [&](int i) { job(i * grain, std::min(count, (i + 1) * grain)); });
}

void Rasterizer::forward(const Scene& scene, const View& view, float* color, float* transmittance,
                         std::int32_t* bounds) {
  splats_.resize(scene.count);
  split(scene.count, 1024, [&](std::int64_t begin, std::int64_t end) {
    kernels_.project(scene, view, begin, end, splats_.data());
  });
  bins_.build(kernels_, pool_, view, splats_);
  bounds[0] = view.width;
  bounds[1] = view.height;
  bounds[2] = bounds[3] = 0;
  for (int ty = 0; ty < bins_.tiles_y; ++ty) {
    for (int tx = 0; tx < bins_.tiles_x; ++tx) {
      const std::size_t tile = static_cast<std::size_t>(ty) * bins_.tiles_x + tx;
      if (bins_.tile_begin[tile] == bins_.tile_begin[tile + 1]) continue;
      bounds[0] = std::min(bounds[0], tx * kTile);
      bounds[1] = std::min(bounds[1], ty * kTile);
      bounds[2] = std::max(bounds[2], std::min(view.width, (tx + 1) * kTile));
      bounds[3] = std::max(bounds[3], std::min(view.height, (ty + 1) * kTile));
    }
  }
  composited_ = 0;
  pool_.run(bins_.tiles_x * bins_.tiles_y, [&](int tile) {
    const std::int64_t begin = bins_.tile_begin[tile], count = bins_.tile_begin[tile + 1] - begin;
    composited_ += kernels_.composite(view, tile % bins_.tiles_x, tile / bins_.tiles_x, bins_.entries.data() + begin,
                                      count, splats_.data(), color, transmittance);
  });
}

void Rasterizer::backward(const Scene& scene, const View& view, const float* color, const float* transmittance,
                          const float* d_color, const float* d_transmittance, const Gradients& gradients) {
  tile_moments_.resize(bins_.entries.size());
  pool_.run(bins_.tiles_x * bins_.tiles_y, [&](int tile) {
    const std::int64_t begin = bins_.tile_begin[tile], count = bins_.tile_begin[tile + 1] - begin;
    if (!count) return;
    kernels_.composite_backward(view, tile % bins_.tiles_x, tile / bins_.tiles_x, bins_.entries.data() + begin, count,
                                splats_.data(), color, transmittance, d_color, d_transmittance,
                                tile_moments_.data() + begin);
  });
  // Each splat sums its own tiles in a fixed order: no atomics, the same bits every time.
  moments_.assign(scene.count, Moments{});
  constexpr std::int64_t kAhead = 16;  // they lie by tile: ask for the ones to come
  constexpr int kFields = sizeof(Moments) / sizeof(float);
  split(static_cast<std::int64_t>(bins_.order.size()), 1024, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t last = bins_.splat_begin[end];
    for (std::int64_t k = begin; k < end; ++k) {
      float total[kFields] = {};
      for (std::int64_t i = bins_.splat_begin[k]; i < bins_.splat_begin[k + 1]; ++i) {
        const Moments* next = &tile_moments_[bins_.places[std::min(i + kAhead, last - 1)]];
        __builtin_prefetch(next);
        __builtin_prefetch(&next->unused);
        const float* part = reinterpret_cast<const float*>(&tile_moments_[bins_.places[i]]);
        for (int field = 0; field < kFields; ++field) total[field] += part[field];
      }
      std::memcpy(&moments_[bins_.order[k]], total, sizeof total);
    }
  });
  constexpr std::int64_t kGrain = 1024;
  pose_shares_.assign(gradients.pose ? (scene.count + kGrain - 1) / kGrain * kPose : 0, 0.f);
  split(scene.count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    float* share = gradients.pose ? pose_shares_.data() + begin / kGrain * kPose : nullptr;
    kernels_.project_backward(scene, view, begin, end, moments_.data(), gradients, share);
  });
  if (!gradients.pose) return;
  for (int i = 0; i < kPose; ++i) {  // in a fixed order, too
    double total = 0.0;
    for (std::size_t k = i; k < pose_shares_.size(); k += kPose) total += pose_shares_[k];
    gradients.pose[i] = static_cast<float>(total);
  }
}

std::int64_t Rasterizer::multiply_add(std::int64_t rounds) {
  std::vector<float> results(pool_.threads());
  pool_.run(pool_.threads(), [&](int i) { results[i] = kernels_.multiply_add(rounds); });
  return results[0] > 0.f ? 192 * rounds * pool_.threads() : 0;
}

void Rasterizer::loss(const LossBuffers& loss, double* means) {
  // Wide strips cut into bands: few borders, where neighbours work out the same twice, yet work for every thread.
  const int strips = (loss.width + kLossStrip - 1) / kLossStrip;
  const int bands = std::max(1, loss.height / 64);  // whatever the threads: the same sums
  const auto cut = [](int size, int part, int parts) { return static_cast<int>(std::int64_t{size} * part / parts); };
  scratch_.resize(kLossScratch * pool_.threads());
  sums_.assign(4 * strips * bands, 0.0);
  std::atomic<int> next{0};
  pool_.run(pool_.threads(), [&](int thread) {
    for (int i = next++; i < strips * bands; i = next++) {
      const int column = i % strips, row = i / strips;
      const LossPiece piece = {cut(loss.width, column, strips), cut(loss.height, row, bands),
                               cut(loss.width, column + 1, strips), cut(loss.height, row + 1, bands)};
      kernels_.loss_piece(loss, piece, scratch_.data() + kLossScratch * thread, sums_.data() + 4 * i);
    }
  });
  const double pixels = static_cast<double>(loss.image_width) * loss.image_height;
  for (int i = 0; i < 4; ++i) means[i] = 0.0;
  for (std::size_t i = 0; i < sums_.size(); ++i) means[i % 4] += sums_[i];
  for (int i = 0; i < 4; ++i) means[i] /= i == 3 ? pixels : 3.0 * pixels;
}

void Rasterizer::adam(std::int64_t rows, std::int64_t columns, const float* rates, const AdamStep& step,
                      float* parameters, const float* gradients, float* first, float* second) {
  const std::int64_t period = 8 * columns;
  std::vector<float> repeated(period);
  for (std::int64_t i = 0; i < period; ++i) repeated[i] = rates[i % columns];
  split(rows * columns, period * 256, [&](std::int64_t begin, std::int64_t end) {
    kernels_.adam(begin, end, period, repeated.data(), step, parameters, gradients, first, second);
  });
}

}  // namespace pad
