// How many threads there may be.
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "threads/team.h"

namespace gatewise {
namespace {

#if defined(__linux__)
// Processors that a cgroup's quota is worth, or a large number where there is none.
Index quota_of(const std::string& directory) {
  std::string quota;
  double period = 0;
  if (std::ifstream file(directory + "/cpu.max"); file >> quota >> period && quota != "max" && period > 0) {
    return static_cast<Index>(std::strtod(quota.c_str(), nullptr) / period + 0.999);
  }
  double old_quota = 0;
  std::ifstream quota_file(directory + "/cpu.cfs_quota_us");
  std::ifstream period_file(directory + "/cpu.cfs_period_us");
  if (quota_file >> old_quota && period_file >> period && old_quota > 0 && period > 0) {
    return static_cast<Index>(old_quota / period + 0.999);
  }
  return kMaxThreads;
}

// The least quota of this process's cgroup and of those above it.
Index cgroup_quota() {
  Index least = kMaxThreads;
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string number;
    std::string controllers;
    std::string path;
    if (!std::getline(fields, number, ':') || !std::getline(fields, controllers, ':') || !std::getline(fields, path)) {
      continue;
    }
    if (!controllers.empty() && controllers.find("cpu") == std::string::npos) continue;
    const std::string root = controllers.empty() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
    for (;; path.erase(path.rfind('/'))) {
      least = std::min(least, quota_of(root + path));
      if (path.rfind('/') == std::string::npos) break;
    }
  }
  return std::max<Index>(least, 1);
}
#endif

// A positive number in the environment, or 0. OpenMP's variable may be a list, a number for each level of nesting: the
// first counts.
Index from_environment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return 0;
  char* end = nullptr;
  const long count = std::strtol(text, &end, 10);
  return (*end == '\0' || *end == ',') && count > 0 ? static_cast<Index>(count) : 0;
}

// GATEWISE_NUM_THREADS is taken at its word. OMP_NUM_THREADS speaks to all libraries of a program, and often of another
// machine: it only lowers the number.
Index automatic_threads() {
  if (const Index asked = from_environment("GATEWISE_NUM_THREADS"); asked != 0) return std::min(asked, kMaxThreads);
  const Index most = from_environment("OMP_NUM_THREADS");
  return most != 0 ? std::min(most, usable_processors()) : usable_processors();
}

std::atomic<Index> threads_set{0};

Index process_threads() {
  if (const Index set = threads_set.load(std::memory_order_relaxed); set != 0) return set;
  static const Index automatic = automatic_threads();
  return automatic;
}

// The limit of the calling thread; 0 is none.
thread_local Index limit = 0;

}  // namespace

Index usable_processors() {
  Index count = static_cast<Index>(std::thread::hardware_concurrency());
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) count = CPU_COUNT(&set);
  count = std::min(count, cgroup_quota());
#endif
  return std::clamp<Index>(count, 1, kMaxThreads);
}

Index threads() { return limit != 0 ? std::min(limit, process_threads()) : process_threads(); }

void set_threads(Index count) {
  limit = 0;
  threads_set.store(std::clamp<Index>(count, 0, kMaxThreads));
}

// Who lifts a limit sets the number that was there before it: that must not bind this thread for ever.
void limit_threads(Index count) { limit = count < process_threads() ? std::max<Index>(count, 1) : 0; }

}  // namespace gatewise
