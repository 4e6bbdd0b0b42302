#include "binning.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace pad {

void Bins::sort_by_depth(const std::vector<Splat>& splats) {
  order.clear();
  for (std::size_t i = 0; i < splats.size(); ++i)
    if (splats[i].reach_x > 0.f) order.push_back(static_cast<std::uint32_t>(i));
  keys_.resize(splats.size());
  for (const std::uint32_t i : order) std::memcpy(&keys_[i], &splats[i].depth, 4);  // positive floats order as integers
  scratch_.resize(order.size());
  for (int shift = 0; shift < 33; shift += 11) {  // radix sort: stable, so ties keep their index order
    std::array<std::uint32_t, 2048> start{};
    for (const std::uint32_t i : order) ++start[(keys_[i] >> shift) & 2047];
    std::uint32_t total = 0;
    for (std::uint32_t& s : start) {
      const std::uint32_t n = s;
      s = total;
      total += n;
    }
    for (const std::uint32_t i : order) scratch_[start[(keys_[i] >> shift) & 2047]++] = i;
    order.swap(scratch_);
  }
}

// Splats lie in memory by index, not by depth: ask for the ones to come.
static void prefetch(const std::vector<Splat>& splats, const std::vector<std::uint32_t>& order, std::size_t k) {
  constexpr std::size_t kAhead = 8;
  if (k + kAhead >= order.size()) return;
  const Splat* next = &splats[order[k + kAhead]];
  __builtin_prefetch(next);
  __builtin_prefetch(&next->depth);
}

void Bins::build(const Kernels& kernels, Pool& pool, const View& view, const std::vector<Splat>& splats) {
  tiles_x = (view.width + kTile - 1) / kTile;
  tiles_y = (view.height + kTile - 1) / kTile;
  const std::size_t tiles = static_cast<std::size_t>(tiles_x) * tiles_y;
  sort_by_depth(splats);
  const std::size_t count = order.size();
  const int slice_count = std::max(1, std::min<int>(pool.threads() * 2, static_cast<int>(count / 512)));
  slices_.resize(slice_count);
  splat_begin.assign(count + 1, 0);
  const auto first_of = [&](int slice) { return count * slice / slice_count; };

  pool.run(slice_count, [&](int index) {
    Slice& slice = slices_[index];
    slice.touches.clear();
    slice.per_tile.assign(tiles, 0);
    std::vector<std::uint32_t> touched(tiles), blocks(tiles);
    for (std::size_t k = first_of(index); k < first_of(index + 1); ++k) {
      prefetch(splats, order, k);
      const Splat& s = splats[order[k]];
      const auto clip = [](float pixel, int last) {
        return static_cast<int>(std::min(std::max(std::floor(pixel / kTile), 0.f), static_cast<float>(last)));
      };
      const int n = kernels.cover(s, clip(s.x - s.reach_x, tiles_x - 1), clip(s.x + s.reach_x, tiles_x - 1),
                                  clip(s.y - s.reach_y, tiles_y - 1), clip(s.y + s.reach_y, tiles_y - 1), tiles_x,
                                  touched.data(), blocks.data());
      for (int i = 0; i < n; ++i) {
        slice.touches.push_back({touched[i], blocks[i]});
        ++slice.per_tile[touched[i]];
      }
      splat_begin[k + 1] = n;
    }
  });

  for (std::size_t k = 0; k < count; ++k) splat_begin[k + 1] += splat_begin[k];
  tile_begin.assign(tiles + 1, 0);
  std::uint32_t total = 0;
  for (std::size_t tile = 0; tile < tiles; ++tile) {
    tile_begin[tile] = total;
    for (Slice& slice : slices_) {
      const std::uint32_t n = slice.per_tile[tile];
      slice.per_tile[tile] = total;
      total += n;
    }
  }
  tile_begin[tiles] = total;
  entries.resize(total);
  places.resize(total);

  pool.run(slice_count, [&](int index) {
    Slice& slice = slices_[index];
    const Touch* touch = slice.touches.data();
    for (std::size_t k = first_of(index); k < first_of(index + 1); ++k) {
      for (std::int64_t i = splat_begin[k]; i < splat_begin[k + 1]; ++i, ++touch) {
        const std::uint32_t place = slice.per_tile[touch->tile]++;
        entries[place] = {order[k], touch->blocks};
        places[i] = place;
      }
    }
  });
}

}  // namespace pad
