// Two things done at once, each by one thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>

#include "threads/team.h"

namespace gatewise {

template <class Work>
struct BothJob {
  Work& work;
  std::atomic<Index> taken{0};
  std::exception_ptr failed[2] = {};

  static void run(void* self, Index /*member*/) {
    auto& job = *static_cast<BothJob*>(self);
    for (Index i = job.taken++; i < 2; i = job.taken++) {
      try {
        job.work(i);
      } catch (...) {
        job.failed[i] = std::current_exception();
      }
    }
  }
};

// Calls work(0) and work(1), at once where there is a thread for each.
template <class Work>
void do_both(Work work) {
  Team team(std::min<Index>(threads(), 2));
  BothJob<Work> job{work};
  team.run(team.size(), &BothJob<Work>::run, &job);
  for (const std::exception_ptr& failed : job.failed) {
    if (failed != nullptr) std::rethrow_exception(failed);
  }
}

}  // namespace gatewise
