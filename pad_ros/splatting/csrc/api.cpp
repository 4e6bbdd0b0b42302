// The C interface. Functions that can run out of memory return 0 for success, 1 for failure.
#include <algorithm>
#include <cmath>
#include <exception>
#include <thread>

#include "kernels.h"
#include "rasterizer.h"

namespace {

const pad::Kernels& choose_kernels(bool portable) {
  const pad::Kernels* fast = pad::avx2_kernels();
  return fast && !portable ? *fast : pad::portable_kernels();
}

template <class Action>
int guarded(const Action& action) {
  try {
    action();
    return 0;
  } catch (const std::exception&) {
    return 1;
  }
}

}  // namespace

#define PAD_API extern "C" __attribute__((visibility("default")))

PAD_API int pad_version() { return 3; }

// threads = 0: one per core. portable != 0: without AVX2 even where there is some.
PAD_API pad::Rasterizer* pad_create(int threads, int portable) {
  try {
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    return new pad::Rasterizer(threads > 0 ? threads : std::max(1, cores), choose_kernels(portable != 0));
  } catch (const std::exception&) {
    return nullptr;
  }
}

PAD_API void pad_destroy(pad::Rasterizer* rasterizer) { delete rasterizer; }

PAD_API const char* pad_kernels(const pad::Rasterizer* rasterizer) { return rasterizer->kernels().name; }

PAD_API int pad_forward(pad::Rasterizer* rasterizer, const pad::Scene* scene, const pad::View* view, float* color,
                        float* transmittance, std::int32_t* bounds) {
  return guarded([&] { rasterizer->forward(*scene, *view, color, transmittance, bounds); });
}

PAD_API int pad_backward(pad::Rasterizer* rasterizer, const pad::Scene* scene, const pad::View* view,
                         const float* color, const float* transmittance, const float* d_color,
                         const float* d_transmittance, const pad::Gradients* gradients) {
  return guarded([&] {
    rasterizer->backward(*scene, *view, color, transmittance, d_color, d_transmittance, *gradients);
  });
}

// How many pixels the last forward composited, summed over the splats.
PAD_API std::int64_t pad_composited(const pad::Rasterizer* rasterizer) { return rasterizer->composited(); }

// Keeps all threads busy with multiply-adds; returns how many floating-point operations that were.
PAD_API std::int64_t pad_multiply_add(pad::Rasterizer* rasterizer, std::int64_t rounds) {
  return rasterizer->multiply_add(rounds);
}

// crop: x0, y0, width, height. means [4]: |error|, error^2, 1 - SSIM, |alpha error| over the whole image.
PAD_API int pad_loss(pad::Rasterizer* rasterizer, const std::int32_t* size, const std::int32_t* crop,
                     const float* color, const float* transmittance, const std::uint8_t* target,
                     const std::uint8_t* alpha, float ssim_weight, float alpha_weight, float* d_color,
                     float* d_transmittance, double* means) {
  pad::LossBuffers loss{};
  loss.image_width = size[0];
  loss.image_height = size[1];
  loss.x0 = crop[0];
  loss.y0 = crop[1];
  loss.width = crop[2];
  loss.height = crop[3];
  loss.color = color;
  loss.transmittance = transmittance;
  loss.target = target;
  loss.alpha = alpha;
  loss.d_color = d_color;
  loss.d_transmittance = d_transmittance;
  loss.terms = {ssim_weight, alpha_weight};
  return guarded([&] { rasterizer->loss(loss, means); });
}

// rates [columns]; step counts from 1. beta1 0.9, beta2 0.999, epsilon 1e-15 as in 3DGS.
PAD_API int pad_adam(pad::Rasterizer* rasterizer, std::int64_t rows, std::int64_t columns, const float* rates,
                     std::int64_t step, float* parameters, const float* gradients, float* first, float* second) {
  const double beta1 = 0.9, beta2 = 0.999;
  const auto t = static_cast<double>(step);
  const pad::AdamStep adam{0.9f, 0.999f, 1e-15f, static_cast<float>(1.0 / (1.0 - std::pow(beta1, t))),
                           static_cast<float>(1.0 / (1.0 - std::pow(beta2, t)))};
  return guarded([&] { rasterizer->adam(rows, columns, rates, adam, parameters, gradients, first, second); });
}
