// The inner loops as a table, so that the instruction set is chosen once, at run time.
#pragma once

#include "scene.h"

namespace pad {

// What the loss compares, and where its gradient goes; both are background outside the crop.
struct LossBuffers {
  std::int32_t image_width, image_height;
  std::int32_t x0, y0, width, height;  // the crop
  const float *color, *transmittance;  // the rendering, [H, W, 3], [H, W]
  const std::uint8_t *target, *alpha;  // the truth, [H, W, 3], [H, W] or null
  float *d_color, *d_transmittance;    // out, written inside the crop
  LossTerms terms;
};

struct LossPiece {  // in pixels of the crop, ends exclusive
  int x0, y0, x1, y1;
};

constexpr int kLossStrip = 256;               // widest piece
constexpr std::int64_t kLossScratch = 118'000;  // floats that a piece is worked out in

struct AdamStep {
  float beta1, beta2, epsilon, correction1, correction2;
};

struct Kernels {
  const char* name;
  void (*project)(const Scene&, const View&, std::int64_t begin, std::int64_t end, Splat*);
  // Fills its rows of the gradients, and `pose` [kPose] with their share of the pose's unless it is null.
  void (*project_backward)(const Scene&, const View&, std::int64_t begin, std::int64_t end, const Moments*,
                           const Gradients&, float* pose);
  // Tiles of the inclusive box that the splat touches; returns how many were written.
  int (*cover)(const Splat&, int x0, int x1, int y0, int y1, int tiles_x, std::uint32_t* tiles, std::uint32_t* blocks);
  // Returns how many pixels were composited, summed over the splats.
  std::int64_t (*composite)(const View&, int tile_x, int tile_y, const Entry*, std::int64_t count, const Splat*,
                            float* color, float* transmittance);
  void (*composite_backward)(const View&, int tile_x, int tile_y, const Entry*, std::int64_t count, const Splat*,
                             const float* color, const float* transmittance, const float* d_color,
                             const float* d_transmittance, Moments*);
  // Writes a piece's gradient and adds to `sums` [4]: |error|, error^2, 1 - SSIM, |alpha error|.
  void (*loss_piece)(const LossBuffers&, const LossPiece&, float* scratch, double* sums);
  // `rates` repeats the rate per column eight times over: [8 * columns].
  void (*adam)(std::int64_t begin, std::int64_t end, std::int64_t period, const float* rates, const AdamStep&,
               float* parameters, const float* gradients, float* first, float* second);
  // 192 floating-point operations per round, as fast as the processor can; the result keeps them from being left out.
  float (*multiply_add)(std::int64_t rounds);
};

const Kernels& portable_kernels();
const Kernels* avx2_kernels();  // null where the build or the processor lacks them

}  // namespace pad
