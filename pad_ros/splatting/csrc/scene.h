// The plain structures that cross the C interface and the stages of the rasterizer.
#pragma once

#include <cstdint>

namespace pad {

constexpr int kTile = 16;              // pixels; a tile is 32 blocks of 4x2 pixels, one SIMD vector each
constexpr float kMinAlpha = 1.f / 255.f;  // fainter contributions are skipped, as in 3DGS
constexpr float kMaxAlpha = 0.999f;
// A block whose pixels are all darker is finished. gsplat's 1e-4 is 4 % faster, but what it leaves out behind an alpha
// of 0.999 is up to 0.4 % of the opacities' gradients.
constexpr float kMinTransmittance = 1e-5f;
constexpr float kDilation = 0.3f;           // px^2 added to the screen-space covariance
constexpr float kNear = 0.01f;
constexpr float kFrustumMargin = 0.15f;     // of the image's size around it, where the projection is linearised

// Gaussians: rows of float32, row-major.
struct Scene {
  std::int64_t count;
  std::int32_t degree;  // of the spherical harmonics that are evaluated, 0..3
  std::int32_t coefficients;  // per channel in `sh`, >= (degree + 1)^2
  const float* means;  // [N, 3]
  const float* quats;  // [N, 4] w, x, y, z, any length > 0
  const float* log_scales;  // [N, 3]; `activated`: the scales themselves
  const float* logit_opacities;  // [N]; `activated`: the opacities themselves
  const float* sh;  // [N, coefficients, 3]
  std::int32_t activated;  // whether scales and opacities, and their gradients, are plain; else as stored in files
};

struct View {
  std::int32_t width, height;
  float fx, fy, cx, cy;  // pixels, centres at +0.5
  float rotation[9];  // camera from object
  float translation[3];
  float center[3];  // the camera's, in the object frame
  float background[3];
};

constexpr int kPose = 15;  // rotation [3, 3], translation [3], center [3]

// dL/d(parameters): shapes as in Scene; every entry is written.
struct Gradients {
  float *means, *quats, *log_scales, *logit_opacities, *sh;
  float* screen;  // [N] norm of the summed absolute screen-space mean gradients, per pixel
  float* screen_signed;  // [N] norm of the same sums with their signs
  float* pose;  // [kPose], with the entries of View's rotation, translation and center as free variables; or null
};

// A Gaussian on the screen: alpha = 2^(log2_opacity - (xx dx^2 + xy dx dy + yy dy^2)).
struct Splat {
  float x, y;
  float xx, xy, yy;
  float log2_opacity;
  float red, green, blue;
  float reach_x, reach_y;  // half of the bounding box where alpha >= 1/255; 0 when invisible
  float depth;
};

// A splat in a tile, with the blocks that it touches.
struct Entry {
  std::uint32_t splat;
  std::uint32_t blocks;
};

// Sums over the pixels of one tile (or all): dL/dcolour, then moments of v = dL/d(log alpha).
struct Moments {
  float red, green, blue;
  float one, x, y, xx, xy, yy;
  float abs_x, abs_y;
  float unused;
};

struct LossTerms {  // per pixel of the whole image
  float ssim_weight, alpha_weight;
};

}  // namespace pad
