// One view at a time: forward keeps what backward needs.
#pragma once

#include <atomic>
#include <vector>

#include "binning.h"
#include "kernels.h"
#include "pool.h"
#include "scene.h"

namespace pad {

class Rasterizer {
 public:
  Rasterizer(int threads, const Kernels& kernels) : pool_(threads), kernels_(kernels) {}

  const Kernels& kernels() const { return kernels_; }

  // color [H, W, 3], transmittance [H, W]; bounds x0, y0, x1, y1 of the tiles that hold anything.
  void forward(const Scene& scene, const View& view, float* color, float* transmittance, std::int32_t* bounds);

  // How many pixels the last forward composited, summed over the splats; blocks of 4x2 that the image's edge cuts
  // count what lies beside it, too.
  std::int64_t composited() const { return composited_; }

  // For the scene and view of the last forward, with its outputs.
  void backward(const Scene& scene, const View& view, const float* color, const float* transmittance,
                const float* d_color, const float* d_transmittance, const Gradients& gradients);

  // Writes the gradients; out: mean |error|, error^2, 1 - SSIM, |alpha error| over the image.
  void loss(const LossBuffers& loss, double* means);

  void adam(std::int64_t rows, std::int64_t columns, const float* rates, const AdamStep& step, float* parameters,
            const float* gradients, float* first, float* second);

  // Keeps all threads busy with multiply-adds; returns how many floating-point operations that were.
  std::int64_t multiply_add(std::int64_t rounds);

 private:
  // Splits [0, count) into pieces that are multiples of `grain`.
  template <class Job>
  void split(std::int64_t count, std::int64_t grain, const Job& job);

  Pool pool_;
  const Kernels& kernels_;
  Bins bins_;
  std::atomic<std::int64_t> composited_{0};
  std::vector<Splat> splats_;
  std::vector<Moments> tile_moments_, moments_;
  std::vector<float> scratch_, pose_shares_;
  std::vector<double> sums_;
};

}  // namespace pad
