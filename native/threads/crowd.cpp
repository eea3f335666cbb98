#include "threads/crowd.h"

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "threads/costs.h"

namespace gatewise::crowd {
namespace {

// All in nanoseconds, of the clock or of its differences.
std::atomic<std::int64_t> pause_ends{0};
std::atomic<std::int64_t> waits{0};  // not yet forgotten
std::atomic<std::int64_t> last_wait{0};
std::atomic<std::int64_t> least_patience{costs::kPatience.count()};
std::atomic<std::int64_t> longest_pause{Duration(costs::kLongestPause).count()};

std::int64_t count_of(Clock::time_point time) { return Duration(time.time_since_epoch()).count(); }

}  // namespace

bool is_there() {
  const std::int64_t end = pause_ends.load(std::memory_order_relaxed);
  return end != 0 && count_of(Clock::now()) < end;
}

bool report(Clock::time_point now, Duration waited) {
  const std::int64_t time = count_of(now);
  const std::int64_t most = longest_pause.load(std::memory_order_relaxed);
  std::int64_t end = pause_ends.load(std::memory_order_relaxed);
  if (time < end || most == 0) return true;  // Another member has said so; or a test wants it.
  const std::int64_t since = std::max(last_wait.exchange(time, std::memory_order_relaxed), end);
  const std::int64_t before = waits.load(std::memory_order_relaxed) - (time - since) / costs::kForgottenShare;
  const std::int64_t all = std::min(std::max<std::int64_t>(before, 0) + waited.count(), most / costs::kPauseOfWaits);
  waits.store(all, std::memory_order_relaxed);
  if (all < Duration(costs::kBorne).count()) return false;
  pause_ends.compare_exchange_strong(end, time + costs::kPauseOfWaits * all, std::memory_order_relaxed);
  return true;
}

Duration patience(Duration own) {
  const Duration least(least_patience.load(std::memory_order_relaxed));
  return least == Duration::zero() ? least : std::max(own, least);
}

void set_limits(Duration patience, Duration longest) {
  least_patience.store(patience.count());
  longest_pause.store(longest.count());
  pause_ends.store(0);
  waits.store(0);
  last_wait.store(0);
}

}  // namespace gatewise::crowd
