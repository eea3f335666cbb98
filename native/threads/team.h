// The threads of one call, as the kernels see them. Nothing here is inlined: see simd.h.
#pragma once

#include "base/index.h"

namespace gatewise {

class Team {
 public:
  // Takes up to `wanted` threads, this one included. If another caller has the crew, this thread works alone.
  explicit Team(Index wanted);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  Index size() const;

  // Runs job(context, member) for members 0 (this thread) to `members` - 1 <= size() - 1, and returns when all are
  // done. A job must not throw.
  using Job = void (*)(void* context, Index member);
  void run(Index members, Job job, void* context);

  // Called by every member of a job: returns when all have called it.
  void barrier(Index member);

 private:
  class Crew* crew_ = nullptr;
  Index size_ = 1;
};

// Processors that this process may use: the affinity mask, cut by a cgroup's quota.
Index usable_processors();

// Threads a call may use: set_threads, else GATEWISE_NUM_THREADS, else usable_processors and, where it is less,
// OMP_NUM_THREADS; no more than the calling thread's limit.
Index threads();
void set_threads(Index count);  // 0 is automatic; lifts the calling thread's limit

// For calls from this thread alone. A limit never raises the number.
void limit_threads(Index count);

}  // namespace gatewise
