#include "threads/crowd.h"

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "threads/costs.h"

namespace gatewise::crowd {
namespace {

// All in nanoseconds, of the clock or of its differences.
std::atomic<std::int64_t> pause_ends{0};
std::atomic<std::int64_t> last_pause{0};
std::atomic<std::int64_t> least_patience{costs::kPatience.count()};
std::atomic<std::int64_t> longest_pause{Duration(costs::kLongestPause).count()};

std::int64_t count_of(Clock::time_point time) { return Duration(time.time_since_epoch()).count(); }

}  // namespace

bool is_there() {
  const std::int64_t end = pause_ends.load(std::memory_order_relaxed);
  return end != 0 && count_of(Clock::now()) < end;
}

void report(Clock::time_point now, Duration waited) {
  const std::int64_t time = count_of(now);
  std::int64_t end = pause_ends.load(std::memory_order_relaxed);
  if (time < end) return;  // Another member has said so.
  std::int64_t pause = last_pause.load(std::memory_order_relaxed);
  for (std::int64_t quiet = time - end; pause != 0 && quiet >= pause; pause /= 2) quiet -= pause;
  pause = std::min(std::max(2 * pause, costs::kPauseOfWait * waited.count()),
                   longest_pause.load(std::memory_order_relaxed));
  if (!pause_ends.compare_exchange_strong(end, time + pause, std::memory_order_relaxed)) return;
  last_pause.store(pause, std::memory_order_relaxed);
}

Duration patience(Duration own) {
  const Duration least(least_patience.load(std::memory_order_relaxed));
  return least == Duration::zero() ? least : std::max(own, least);
}

void set_limits(Duration patience, Duration longest) {
  least_patience.store(patience.count());
  longest_pause.store(longest.count());
  pause_ends.store(0);
  last_pause.store(0);
}

}  // namespace gatewise::crowd
