#include "isa.h"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace gatewise {

#if defined(__x86_64__)
namespace baseline {
extern const Kernels kKernels;
}
namespace avx2 {
extern const Kernels kKernels;
}
namespace avx512 {
extern const Kernels kKernels;
}
#elif defined(__aarch64__)
namespace neon {
extern const Kernels kKernels;
}
#else
namespace baseline {
extern const Kernels kKernels;
}
#endif

namespace {

std::vector<const Kernels*> detect() {
#if defined(__x86_64__)
  std::vector<const Kernels*> found = {&baseline::kKernels};
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&avx2::kKernels);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    found.push_back(&avx512::kKernels);
  }
  return found;
#elif defined(__aarch64__)
  return {&neon::kKernels};
#else
  return {&baseline::kKernels};
#endif
}

const Kernels& named(const std::string& name) {
  std::string known;
  for (const Kernels* kernels : available_kernels()) {
    if (name == kernels->name) return *kernels;
    known += known.empty() ? "" : ", ";
    known += kernels->name;
  }
  throw std::invalid_argument("unknown instruction set \"" + name + "\"; this machine has " + known);
}

std::atomic<const Kernels*> chosen{nullptr};

}  // namespace

const std::vector<const Kernels*>& available_kernels() {
  static const std::vector<const Kernels*> found = detect();
  return found;
}

const Kernels& current_kernels() {
  const Kernels* kernels = chosen.load(std::memory_order_acquire);
  if (kernels == nullptr) {
    const char* forced = std::getenv("GATEWISE_ISA");
    kernels = forced != nullptr && *forced != '\0' ? &named(forced) : available_kernels().back();
    chosen.store(kernels, std::memory_order_release);
  }
  return *kernels;
}

void set_isa(const std::string& name) { chosen.store(&named(name), std::memory_order_release); }

}  // namespace gatewise
