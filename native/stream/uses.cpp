#include "stream/uses.h"

#include <algorithm>
#include <random>
#include <stdexcept>

#include "stream/costs.h"

namespace gatewise::stream {

// Marks of two pools are apart, but by a chance of one in two thousand million.
Uses::Uses() : next_mark_((std::uint64_t{std::random_device{}()} & 0x7fffffff) << 32) {}

std::uint32_t Uses::take(Index count, double now) {
  if (moments_.empty() || now - moments_.back().time >= costs::kMoment) note(now);
  const std::uint32_t first = last_ + 1;
  last_ += static_cast<std::uint32_t>(count);
  return first;
}

void Uses::note(double now) {
  if (moments_.size() == costs::kMoments) thin(now);
  moments_.push_back({last_ + 1, now});
}

// Leaves out moments between which less time went by than a small part of what has gone by since.
void Uses::thin(double now) {
  std::size_t kept = 1;
  for (std::size_t i = 1; i < moments_.size(); ++i) {
    const bool far = moments_[i].time - moments_[kept - 1].time >= (now - moments_[i].time) * costs::kOfAge;
    if (far) moments_[kept++] = moments_[i];
  }
  // Where that does not help, every other one.
  if (kept > costs::kMoments / 2) {
    for (std::size_t i = 0; 2 * i < kept; ++i) moments_[i] = moments_[2 * i];
    kept = (kept + 1) / 2;
  }
  moments_.resize(kept);
}

std::uint32_t Uses::before(double seconds, double now) {
  if (moments_.empty() || moments_.back().stamp != last_ + 1) note(now);
  if (seconds <= 0) return last_ + 1;
  const auto later = std::partition_point(moments_.begin(), moments_.end(),
                                          [&](const Moment& moment) { return moment.time <= now - seconds; });
  return later == moments_.begin() ? 0 : (later - 1)->stamp;
}

Uses Uses::without_marks() const {
  Uses other;
  other.last_ = last_;
  other.moments_ = moments_;
  return other;
}

std::uint64_t Uses::mark() {
  marks_.reserve(costs::kMarks + 1);
  ++last_;  // What ended before is below it, what ends from now on is not.
  marks_.push_back({next_mark_, last_});
  if (marks_.size() > costs::kMarks) marks_.erase(marks_.begin());
  return next_mark_++;
}

std::uint32_t Uses::since(std::uint64_t mark) const {
  const auto found = std::find_if(marks_.begin(), marks_.end(), [&](const Mark& each) { return each.number == mark; });
  if (found == marks_.end()) {
    throw std::invalid_argument("changed_since=" + std::to_string(mark) +
                                " is no mark of this pool, or one that it has forgotten. Save all streams, and take a "
                                "new mark() first.");
  }
  return found->stamp;
}

void Uses::forget() {
  marks_.clear();
  gone_.clear();
  gone_at_.clear();
}

void Uses::expect_gone(Index count, std::size_t letters) {
  if (marks_.empty()) return;
  if (gone_.size() + count > costs::kGone) return forget();
  gone_.expect(static_cast<std::size_t>(count), letters);
  const auto wanted = static_cast<std::size_t>(gone_.size() + count);
  if (wanted > gone_at_.capacity()) gone_at_.reserve(2 * wanted);
}

void Uses::gone(const Id& id) {
  if (marks_.empty()) return;
  gone_.add(id);
  gone_at_.push_back(last_);
}

void Uses::renumber(const std::vector<std::uint32_t>& stamps) {
  const auto renumbered = [&](std::uint32_t& stamp) {
    stamp = static_cast<std::uint32_t>(std::lower_bound(stamps.begin(), stamps.end(), stamp) - stamps.begin()) + 1;
  };
  for (Moment& moment : moments_) renumbered(moment.stamp);
  for (Mark& mark : marks_) renumbered(mark.stamp);
  for (std::uint32_t& at : gone_at_) renumbered(at);
  last_ = static_cast<std::uint32_t>(stamps.size()) + 1;
}

}  // namespace gatewise::stream
