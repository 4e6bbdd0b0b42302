#define PAD_NAMESPACE portable
#define PAD_STRING "portable"
#include "kernels.h"
#include "kernels_body.inc"

namespace pad {
const Kernels& portable_kernels() { return portable::kTable; }
}  // namespace pad
