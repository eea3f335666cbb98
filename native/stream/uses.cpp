#include "stream/uses.h"

#include <algorithm>
#include <random>
#include <stdexcept>

#include "stream/costs.h"

namespace gatewise::stream {

// Marks of two pools are apart, but by a chance of one in two thousand million.
Uses::Uses() : next_mark_((std::uint64_t{std::random_device{}()} & 0x7fffffff) << 32) {}

std::uint32_t Uses::take(Index count, double now) {
  if (moments_.empty() || now - moments_.back().first >= costs::kMoment) {
    if (moments_.size() == costs::kMoments) thin(now);
    moments_.push_back({last_ + 1, now, now});
  }
  moments_.back().last = now;
  const std::uint32_t first = last_ + 1;
  last_ += static_cast<std::uint32_t>(count);
  return first;
}

// Makes one of moments that together last for a small part only of what has gone by since.
void Uses::thin(double now) {
  std::size_t kept = 0;
  for (std::size_t i = 1; i < moments_.size(); ++i) {
    const bool close = moments_[i].last - moments_[kept].first <= (now - moments_[i].last) * costs::kOfAge;
    if (close) {
      moments_[kept].last = moments_[i].last;
    } else {
      moments_[++kept] = moments_[i];
    }
  }
  moments_.resize(kept + 1);
  if (moments_.size() < costs::kMoments) return;
  // It cannot be, but for a clock that jumps: then two and two.
  for (std::size_t i = 0; i < moments_.size() / 2; ++i) {
    moments_[i] = {moments_[2 * i].stamp, moments_[2 * i].first, moments_[2 * i + 1].last};
  }
  moments_.resize(moments_.size() / 2);
}

std::uint32_t Uses::before(double seconds, double now) const {
  const auto later = std::partition_point(moments_.begin(), moments_.end(),
                                          [&](const Moment& moment) { return moment.last <= now - seconds; });
  return later == moments_.end() ? last_ + 1 : later->stamp;
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
