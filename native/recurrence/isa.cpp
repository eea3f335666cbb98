#include "recurrence/isa.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

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
#if defined(GATEWISE_AMX)
namespace amx {
extern Index run_tiles(const Part<float>& part);
}
#endif
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

#if defined(GATEWISE_AMX) && defined(__linux__)
// Whether the processor has AMX for bfloat16 and the system lets this process use its registers.
bool may_use_tiles() {
  if (!__builtin_cpu_supports("avx512bf16")) return false;
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  constexpr unsigned bf16_and_tile = (1U << 22) | (1U << 24);
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & bf16_and_tile) != bf16_and_tile) return false;
  constexpr long request_permission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long tile_data = 18;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

// AVX-512 with tiles beside it.
const Kernels& tile_kernels() {
  static const Kernels kernels = [] {
    Kernels k = avx512::kKernels;
    k.name = "amx";
    k.tiles32 = &amx::run_tiles;
    return k;
  }();
  return kernels;
}
#endif

std::vector<const Kernels*> detect() {
#if defined(__x86_64__)
  std::vector<const Kernels*> found = {&baseline::kKernels};
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&avx2::kKernels);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    found.push_back(&avx512::kKernels);
#if defined(GATEWISE_AMX) && defined(__linux__)
    if (may_use_tiles()) found.push_back(&tile_kernels());
#endif
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

// The set that the environment asks for.
const Kernels& forced_by_environment(const char* name) {
  try {
    return named(name);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(std::string("GATEWISE_ISA: ") + error.what());
  }
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
    kernels = forced != nullptr && *forced != '\0' ? &forced_by_environment(forced) : available_kernels().back();
    chosen.store(kernels, std::memory_order_release);
  }
  return *kernels;
}

void set_isa(const std::string& name) { chosen.store(&named(name), std::memory_order_release); }

}  // namespace gatewise
