// Which splats each tile composites, front to back.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels.h"
#include "pool.h"
#include "scene.h"

namespace pad {

struct Bins {
  int tiles_x = 0, tiles_y = 0;
  std::vector<std::uint32_t> order;       // visible splats by depth
  std::vector<Entry> entries;             // by tile, then by depth
  std::vector<std::int64_t> tile_begin;   // [tiles + 1] into `entries`
  std::vector<std::int64_t> splat_begin;  // [order.size() + 1] into `places`
  std::vector<std::uint32_t> places;      // the entries of each splat of `order`

  // The result does not depend on the number of threads.
  void build(const Kernels& kernels, Pool& pool, const View& view, const std::vector<Splat>& splats);

 private:
  struct Touch {
    std::uint32_t tile, blocks;
  };
  struct Slice {  // the touches of a run of `order`
    std::vector<Touch> touches;
    std::vector<std::uint32_t> per_tile;  // counts, then the next free entry of each tile
  };
  std::vector<Slice> slices_;
  std::vector<std::uint32_t> keys_, scratch_;

  void sort_by_depth(const std::vector<Splat>& splats);
};

}  // namespace pad
