// The threads of one call, as the kernels see them. Nothing here is inlined: see simd.h.
#pragma once

#include "base/index.h"

namespace gatewise {

// On lines of its own: members read it in every step.
class alignas(128) Team {
 public:
  // Takes up to `wanted` threads, this one included. This thread works alone if another caller has the crew, or if the
  // machine is busy (see crowd.h).
  explicit Team(Index wanted);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  Index size() const;

  // Runs job(context, member) for members 0 (this thread) to `members` - 1 <= size() - 1, and returns when all are
  // done. A job must not throw. A member that has no processor yet when the others are done is left out: a job without
  // barriers must give its parts to whoever asks for them.
  using Job = void (*)(void* context, Index member);
  void run(Index members, Job job, void* context);

  // Called by every member of a job: returns when all have called it. All hear the same: whether to go on, or to leave
  // the job here. They are to leave where one has waited so long that it must have lost its processor, where one has
  // never come (then at the first barrier), and after `stop`.
  bool barrier(Index member);

  // Called by member 0 now and then: stops the job where the call is interrupted, or a pause is over.
  void look();

  // Whether the job was stopped: for members who never meet.
  bool stopped() const;

  // Where this thread works alone because the machine is busy, it is to stop when that is over, and make a new team.
  void stop_after_pause() { stops_after_pause_ = in_pause_; }

 private:
  void stop();

  class Crew* crew_ = nullptr;
  Index size_ = 1;
  bool in_pause_ = false;
  bool stops_after_pause_ = false;
  bool alone_ = false;
  bool stopped_ = false;  // of a job that this thread does alone
};

// Processors that this process may use: the affinity mask, cut by a cgroup's quota.
Index usable_processors();

// More threads than this are never used.
inline constexpr Index kMaxThreads = 256;

// Threads a call may use: set_threads, else GATEWISE_NUM_THREADS, else usable_processors and, where it is less,
// OMP_NUM_THREADS; no more than the calling thread's limit.
Index threads();
void set_threads(Index count);  // 0 is automatic; lifts the calling thread's limit

// For calls from this thread alone. A limit never raises the number.
void limit_threads(Index count);

}  // namespace gatewise
