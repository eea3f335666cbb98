// A small crew of threads. It starts when first needed, spins for a moment after each job and then sleeps; a forked
// child starts its own; a caller who finds it taken works alone. It is never destroyed, so that nothing waits at exit.
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/costs.h"
#include "threads/team.h"

namespace gatewise {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Index kMaxThreads = 256;
constexpr auto kSpinTime = std::chrono::microseconds(costs::kSpinMicroseconds);

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spins until `ready()`: at first eagerly, since a pause costs more than a cache line's journey, and giving the
// processor away now and then, since the thread waited for may need it.
template <class Ready>
void spin_until(Ready ready) {
  for (int turn = 1; !ready(); ++turn) {
    if (turn > 256) pause();
    if (turn % 1024 == 0) std::this_thread::yield();
  }
}

// A counter alone on its cache lines (two: processors fetch them in pairs).
struct alignas(128) Counter {
  std::atomic<std::uint64_t> value{0};
};

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

  void run(Team::Job job, void* context, Index members) {
    job_ = job;
    context_ = context;
    members_ = members;
    for (Index i = 0; i < members; ++i)
      arrivals_[static_cast<std::size_t>(i)].value.store(0, std::memory_order_relaxed);
    for (Index i = 1; i < members; ++i) wake(*workers_[static_cast<std::size_t>(i - 1)]);
    job(context, 0);
    for (Index i = 1; i < members; ++i) {
      Worker& worker = *workers_[static_cast<std::size_t>(i - 1)];
      spin_until([&] { return worker.done.value.load(std::memory_order_acquire) == worker.tickets; });
    }
  }

  // Each member counts its own arrivals and waits until nobody is behind: one cache line's journey, no shared counter.
  void barrier(Index member) {
    auto& mine = arrivals_[static_cast<std::size_t>(member)].value;
    const std::uint64_t turn = mine.load(std::memory_order_relaxed) + 1;
    mine.store(turn, std::memory_order_release);
    for (Index i = 0; i < members_; ++i) {
      const auto& other = arrivals_[static_cast<std::size_t>(i)].value;
      spin_until([&] { return other.load(std::memory_order_acquire) >= turn; });
    }
  }

 private:
  struct Worker {
    Counter ticket;             // jobs given
    Counter done;               // jobs finished
    std::uint64_t tickets = 0;  // the owner's count of `ticket`
    std::atomic<bool> asleep{false};
    std::mutex mutex;
    std::condition_variable wake;
  };

  static void wake(Worker& worker) {
    worker.ticket.value.store(++worker.tickets);
    if (worker.asleep.load()) {
      const std::lock_guard<std::mutex> lock(worker.mutex);
      worker.wake.notify_one();
    }
  }

  // Waits for a ticket after `seen`: spinning for a moment, then asleep.
  static void wait(Worker& worker, std::uint64_t seen) {
    const auto given = [&] { return worker.ticket.value.load() != seen; };
    const auto until = Clock::now() + kSpinTime;
    do {
      for (int i = 0; i < 64; ++i) {
        if (given()) return;
        pause();
      }
      std::this_thread::yield();  // to the caller, perhaps: on a busy machine both may share a processor
    } while (Clock::now() < until);
    std::unique_lock<std::mutex> lock(worker.mutex);
    worker.asleep.store(true);
    worker.wake.wait(lock, given);
    worker.asleep.store(false);
  }

  void work(Worker* worker, Index member) {
    for (std::uint64_t seen = 0;;) {
      wait(*worker, seen);
      seen = worker->ticket.value.load(std::memory_order_acquire);
      job_(context_, member);
      worker->done.value.store(seen, std::memory_order_release);
    }
  }

  std::mutex owner_;
  std::vector<std::unique_ptr<Worker>> workers_;
  Team::Job job_ = nullptr;
  void* context_ = nullptr;
  Index members_ = 1;
  Counter arrivals_[kMaxThreads];
};

namespace {

std::atomic<Crew*> crew_now{nullptr};
std::atomic<Index> threads_set{0};

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
    job(context, 0);
  } else {
    crew_->run(job, context, members);
  }
}

void Team::barrier(Index member) {
  if (crew_ != nullptr) crew_->barrier(member);
}

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
