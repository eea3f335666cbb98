#include "stream/rows.h"

#include <cstring>
#include <stdexcept>

#include "recurrence/isa.h"

namespace gatewise {

#if defined(__x86_64__)
namespace baseline {
extern const stream::RowKernels kRowKernels;
}
namespace avx2 {
extern const stream::RowKernels kRowKernels;
}
namespace avx512 {
extern const stream::RowKernels kRowKernels;
}
#elif defined(__aarch64__)
namespace neon {
extern const stream::RowKernels kRowKernels;
}
#else
namespace baseline {
extern const stream::RowKernels kRowKernels;
}
#endif

namespace stream {

const RowKernels& row_kernels() {
#if defined(__x86_64__)
  static const RowKernels* const all[] = {&baseline::kRowKernels, &avx2::kRowKernels, &avx512::kRowKernels};
#elif defined(__aarch64__)
  static const RowKernels* const all[] = {&neon::kRowKernels};
#else
  static const RowKernels* const all[] = {&baseline::kRowKernels};
#endif
  // Tiles are for matrices: beside them the vectors are those of AVX-512.
  const char* name = std::strcmp(current_kernels().name, "amx") == 0 ? "avx512" : current_kernels().name;
  for (const RowKernels* kernels : all) {
    if (std::strcmp(kernels->name, name) == 0) return *kernels;
  }
  throw std::logic_error(std::string("no row kernels for the instruction set ") + name);
}

}  // namespace stream
}  // namespace gatewise
