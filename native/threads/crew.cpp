// A small crew of threads. It starts when first needed, spins for a moment after each job and then sleeps; a forked
// child starts its own; a caller who finds it taken works alone. It is never destroyed, so that nothing waits at exit.
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/costs.h"
#include "threads/costs.h"
#include "threads/crowd.h"
#include "threads/interrupt.h"
#include "threads/team.h"

namespace gatewise {
namespace {

using crowd::Clock;
using crowd::Duration;

constexpr auto kSpinTime = std::chrono::microseconds(costs::kSpinMicroseconds);

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Whether something is ready after a few looks at it.
template <class Ready>
bool is_soon(Ready ready) {
  for (int look = 0; look < costs::kEagerLooks; ++look) {
    if (ready()) return true;
  }
  return false;
}

// Waits for another thread: spinning at first, then asleep between looks, and calling `meanwhile` before each nap. Says
// whether it took so long that one thread is to go on alone.
template <class Ready, class Meanwhile>
bool outlasts(Duration patience, Ready ready, Meanwhile meanwhile) {
  const auto start = Clock::now();
  const auto spin = std::min(patience, Duration(costs::kLongestSpin));
  for (;;) {
    for (int i = 0; i < costs::kPauses; ++i) {
      if (ready()) return false;
      pause();
    }
    if (Clock::now() - start >= spin) break;
  }
  while (!ready()) {
    meanwhile();
    if (!ready()) std::this_thread::sleep_for(costs::kNap);
  }
  const auto now = Clock::now();
  return now - start >= patience && crowd::report(now, now - start);
}

// A counter alone on its cache lines (two: processors fetch them in pairs).
struct alignas(128) Counter {
  std::atomic<std::uint64_t> value{0};
};

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

}  // namespace

class Crew {
 public:
  static Crew& get();

  bool take() { return owner_.try_lock(); }
  void give() { owner_.unlock(); }

  // Starts workers until there are `count`; returns how many there are (the system may refuse some).
  Index grow(Index count) {
    while (static_cast<Index>(workers_.size()) < count) {
      auto worker = std::make_unique<Worker>();
      try {
        std::thread(&Crew::work, this, worker.get(), static_cast<Index>(workers_.size()) + 1).detach();
      } catch (const std::system_error&) {
        break;
      }
      workers_.push_back(std::move(worker));
    }
    return static_cast<Index>(workers_.size());
  }

  void run(Team& team, Team::Job job, void* context, Index members) {
    job_ = job;
    context_ = context;
    members_ = members;
    stop_.value.store(kNever, std::memory_order_relaxed);
    abandoned_.store(false, std::memory_order_relaxed);
    for (Index i = 0; i < members; ++i) turns(i).store(0, std::memory_order_relaxed);
    start_ = Clock::now();
    bool asleep = false;
    for (Index i = 1; i < members; ++i) asleep = call(worker(i)) || asleep;
    start_patience_ = asleep ? Duration(costs::kPatienceAsleep) : Duration::zero();
    job(context, 0);
    for (Index i = 1; i < members; ++i) wait_for_end(team, worker(i));
  }

  // Each member counts its own arrivals and waits until nobody is behind: one cache line's journey, no shared counter.
  bool barrier(Index member) {
    const std::uint64_t turn = turns(member).load(std::memory_order_relaxed) + 1;
    turns(member).store(turn, std::memory_order_release);
    for (Index i = 0; i < members_; ++i) {
      const auto& other = turns(i);
      const auto is_here = [&] { return other.load(std::memory_order_acquire) >= turn; };
      if (!is_soon(is_here) && !wait_at_barrier(member, turn, is_here)) return false;
    }
    return turn < stop_.value.load(std::memory_order_relaxed);
  }

  // The first who wants it says at which barrier all leave: the next of its own, which no member can have passed.
  void stop(Index member) {
    std::uint64_t never = kNever;
    const std::uint64_t next = turns(member).load(std::memory_order_relaxed) + 1;
    stop_.value.compare_exchange_strong(never, next, std::memory_order_relaxed);
  }

  bool stopped() const { return stop_.value.load(std::memory_order_relaxed) != kNever; }

 private:
  // A ticket is twice the number of a job that waits for its worker, and one more when that has taken it, or has come
  // too late.
  struct Worker {
    Counter ticket;
    Counter done;              // the ticket of the last job that was finished
    std::uint64_t called = 0;  // the owner's copy of `ticket`, as it was given
    std::atomic<bool> asleep{false};
    std::mutex mutex;
    std::condition_variable wake;
  };

  Worker& worker(Index member) { return *workers_[static_cast<std::size_t>(member - 1)]; }
  std::atomic<std::uint64_t>& turns(Index member) { return turns_[static_cast<std::size_t>(member)].value; }

  // Gives a worker a ticket; returns whether it had to be woken.
  static bool call(Worker& worker) {
    worker.called += 2;
    worker.ticket.value.store(worker.called);
    if (!worker.asleep.load()) return false;
    const std::lock_guard<std::mutex> lock(worker.mutex);
    worker.wake.notify_one();
    return true;
  }

  // For the worker, who begins, and for the caller, who does without it: whether it was the first of the two.
  static bool claim(Worker& worker, std::uint64_t ticket) {
    return worker.ticket.value.compare_exchange_strong(ticket, ticket + 1, std::memory_order_acq_rel);
  }

  // Whether a worker has not begun, and so will not.
  static bool leave_out(Worker& worker) {
    if (!claim(worker, worker.called)) return false;
    worker.done.value.store(worker.called, std::memory_order_relaxed);
    return true;
  }

  // Where members have to wait too much, the job ends at the next barrier.
  template <class Ready>
  [[gnu::noinline]] bool wait_at_barrier(Index member, std::uint64_t turn, Ready is_here) {
    const auto own = Duration(Clock::now() - start_) / turn;
    Duration patience = crowd::patience(own);
    if (turn == 1) patience = std::max(patience, member == 0 ? start_patience_ : Duration(costs::kPatienceAsleep));
    const auto is_over = [&] { return is_here() || abandoned_.load(std::memory_order_acquire); };
    const bool lost = outlasts(patience, is_over, [&] {
      if (member == 0 && turn == 1) do_without_absent();
    });
    if (lost) stop(member);
    return is_here();
  }

  // Before the first barrier nothing is done yet. If a member has not even begun, nobody will pass it.
  void do_without_absent() {
    for (Index i = 1; i < members_; ++i) {
      if (leave_out(worker(i))) abandoned_.store(true, std::memory_order_release);
    }
  }

  void wait_for_end(Team& team, Worker& worker) {
    if (leave_out(worker)) return;
    const auto is_done = [&] { return worker.done.value.load(std::memory_order_acquire) == worker.called; };
    if (is_soon(is_done)) return;
    const auto own = Duration(Clock::now() - start_) / (turns(0).load(std::memory_order_relaxed) + 1);
    outlasts(crowd::patience(own), is_done, [&] { team.look(); });
  }

  // Waits for a ticket after `seen`: spinning for a moment, then asleep.
  static std::uint64_t wait(Worker& worker, std::uint64_t seen) {
    const auto given = [&] { return worker.ticket.value.load() > seen + 1; };
    const auto until = Clock::now() + kSpinTime;
    do {
      for (int i = 0; i < costs::kPauses; ++i) {
        if (given()) return worker.ticket.value.load() & ~std::uint64_t{1};
        pause();
      }
      std::this_thread::yield();  // to the caller, perhaps: on a busy machine both may share a processor
    } while (Clock::now() < until);
    std::unique_lock<std::mutex> lock(worker.mutex);
    worker.asleep.store(true);
    worker.wake.wait(lock, given);
    worker.asleep.store(false);
    return worker.ticket.value.load() & ~std::uint64_t{1};
  }

  void work(Worker* worker, Index member) {
    for (std::uint64_t seen = 0;;) {
      seen = wait(*worker, seen);
      if (!claim(*worker, seen)) continue;
      job_(context_, member);
      worker->done.value.store(seen, std::memory_order_release);
    }
  }

  std::mutex owner_;
  std::vector<std::unique_ptr<Worker>> workers_;
  Team::Job job_ = nullptr;
  void* context_ = nullptr;
  Index members_ = 1;
  Clock::time_point start_;
  Duration start_patience_{};  // of member 0
  std::atomic<bool> abandoned_{false};
  Counter stop_;  // the barrier at which all leave
  Counter turns_[kMaxThreads];
};

namespace {

std::atomic<Crew*> crew_now{nullptr};

// In a forked child the parent's threads do not exist, and its locks may be held for ever: leave that crew behind.
void forget_crew() { crew_now.store(nullptr); }

// Registered when the library is loaded: a handler that is registered while another thread is about to fork would not
// be called in that child.
[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, &forget_crew);

}  // namespace

Crew& Crew::get() {
  Crew* crew = crew_now.load(std::memory_order_acquire);
  if (crew != nullptr) return *crew;
  auto fresh = std::make_unique<Crew>();
  if (crew_now.compare_exchange_strong(crew, fresh.get())) return *fresh.release();
  return *crew;
}

Team::Team(Index wanted) {
  if (wanted <= 1) return;
  in_pause_ = crowd::is_there();
  if (in_pause_) return;
  Crew& crew = Crew::get();
  if (!crew.take()) return;
  crew_ = &crew;
  size_ = std::min(wanted, crew.grow(std::min(wanted, kMaxThreads) - 1) + 1);
}

Team::~Team() {
  if (crew_ != nullptr) crew_->give();
}

Index Team::size() const { return size_; }

void Team::run(Index members, Job job, void* context) {
  if (members == 1) {
    alone_ = true;
    job(context, 0);
  } else {
    crew_->run(*this, job, context, members);
  }
}

bool Team::barrier(Index member) { return crew_->barrier(member); }

void Team::look() {
  if (interrupted() || (stops_after_pause_ && !crowd::is_there())) stop();
}

void Team::stop() {
  if (alone_) {
    stopped_ = true;
  } else {
    crew_->stop(0);
  }
}

bool Team::stopped() const { return alone_ ? stopped_ : crew_->stopped(); }

}  // namespace gatewise
