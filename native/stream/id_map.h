// From a number that stands for a stream to its slot: open addressing in buckets of one cache line, in memory for a
// fixed number of ids.
#pragma once

#include <cstdint>

#include "recurrence/engine.h"
#include "stream/pages.h"

namespace gatewise::stream {

// An id stands in the first bucket from its home on that had room, so it is found with one line's journey but for few.
class IdMap {
 private:
  static constexpr int kLanes = 4;

  // Filled from lane 0 on, so it is full when its last lane is taken.
  struct alignas(64) Bucket {
    std::int64_t ids[kLanes];
    std::uint32_t places[kLanes];  // slot + 1; 0 is an empty lane
    std::uint32_t stamps[kLanes];  // the caller's

    bool full() const { return places[kLanes - 1] != 0; }
  };

 public:
  // Where an id stands; false where it does not.
  class Entry {
   public:
    Entry() = default;
    explicit operator bool() const { return bucket_ != nullptr; }
    std::uint32_t slot() const { return bucket_->places[lane_] - 1; }
    std::uint32_t& stamp() const { return bucket_->stamps[lane_]; }

   private:
    friend class IdMap;
    Entry(Bucket* bucket, int lane) : bucket_(bucket), lane_(lane) {}

    Bucket* bucket_ = nullptr;
    int lane_ = 0;
  };

  IdMap() = default;
  explicit IdMap(Index capacity)
      : size_(static_cast<std::uint64_t>(capacity) * 3 / 8 + 2),
        pages_(size_ * sizeof(Bucket)),
        buckets_(pages_.as<Bucket>()),
        capacity_(capacity) {}

  // The same ids in memory for so many. A number's home rises with its hash, so that both maps are walked through in
  // order.
  IdMap in_memory_for(Index capacity) const {
    IdMap other(capacity);
    each([&](std::int64_t id, std::uint32_t slot, std::uint32_t& stamp) { other.insert(id, slot, stamp); });
    return other;
  }

  Index size() const { return count_; }
  Index capacity() const { return capacity_; }

  // The finaliser of MurmurHash3 (Austin Appleby) spreads neighbouring ids; its high half times the size is a place.
  std::uint64_t home(std::int64_t id) const {
    auto hash = static_cast<std::uint64_t>(id);
    hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdU;
    hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53U;
    return ((hash ^ (hash >> 33)) >> 32) * size_ >> 32;
  }

  void prefetch(std::uint64_t home) const { __builtin_prefetch(buckets_ + home, 1); }

  Entry find(std::int64_t id) const { return find(id, home(id)); }

  Entry find(std::int64_t id, std::uint64_t home) const {
    for (std::uint64_t at = home;; at = after(at)) {
      Bucket& bucket = buckets_[at];
      // No branches: in which lane an id stands is nothing that a processor could guess. Empty lanes come last.
      int lane = kLanes;
      for (int k = kLanes - 1; k >= 0; --k) lane = bucket.ids[k] == id ? k : lane;
      if (lane != kLanes && bucket.places[lane] != 0) return {&bucket, lane};
      if (!bucket.full()) return {};
    }
  }

  // False where the id is there already. There must be room for it.
  bool insert(std::int64_t id, std::uint32_t slot, std::uint32_t stamp) {
    for (std::uint64_t at = home(id);; at = after(at)) {
      Bucket& bucket = buckets_[at];
      int lane = 0;
      while (lane < kLanes && bucket.places[lane] != 0 && bucket.ids[lane] != id) ++lane;
      if (lane == kLanes) continue;
      if (bucket.places[lane] != 0) return false;
      bucket.ids[lane] = id;
      bucket.places[lane] = slot + 1;
      bucket.stamps[lane] = stamp;
      ++count_;
      return true;
    }
  }

  // Moves those after it back over the hole, so that every id can still be reached from its home.
  void erase(Entry entry) {
    auto hole = static_cast<std::uint64_t>(entry.bucket_ - buckets_);
    --count_;
    bool was_full = take_out(buckets_[hole], entry.lane_);
    for (std::uint64_t at = hole; was_full;) {
      at = after(at);
      Bucket& bucket = buckets_[at];
      if (const int lane = movable(bucket, at, hole); lane != kLanes) {
        Bucket& to = buckets_[hole];
        to.ids[kLanes - 1] = bucket.ids[lane];
        to.places[kLanes - 1] = bucket.places[lane];
        to.stamps[kLanes - 1] = bucket.stamps[lane];
        was_full = take_out(bucket, lane);
        hole = at;
      } else {
        was_full = bucket.full();  // Nothing passes a bucket that is not full.
      }
    }
  }

  // Calls `visit(id, slot, stamp)` for every id; it may change the stamp.
  template <class Visit>
  void each(Visit visit) const {
    if (count_ == 0) return;
    for (std::uint64_t at = 0; at < size_; ++at) {
      Bucket& bucket = buckets_[at];
      for (int lane = 0; lane < kLanes && bucket.places[lane] != 0; ++lane) {
        visit(bucket.ids[lane], bucket.places[lane] - 1, bucket.stamps[lane]);
      }
    }
  }

 private:
  std::uint64_t after(std::uint64_t at) const { return at + 1 == size_ ? 0 : at + 1; }

  // Puts the last id of the bucket into the lane; returns whether the bucket was full.
  static bool take_out(Bucket& bucket, int lane) {
    const bool was_full = bucket.full();
    int last = kLanes - 1;
    while (bucket.places[last] == 0) --last;
    bucket.ids[lane] = bucket.ids[last];
    bucket.places[lane] = bucket.places[last];
    bucket.stamps[lane] = bucket.stamps[last];
    bucket.ids[last] = 0;
    bucket.places[last] = 0;
    bucket.stamps[last] = 0;
    return was_full;
  }

  // A lane of bucket `at` whose id has its home at or before the hole, or kLanes.
  int movable(const Bucket& bucket, std::uint64_t at, std::uint64_t hole) const {
    for (int lane = 0; lane < kLanes && bucket.places[lane] != 0; ++lane) {
      const std::uint64_t start = home(bucket.ids[lane]);
      const bool between = hole < at ? start > hole && start <= at : start > hole || start <= at;
      if (!between) return lane;
    }
    return kLanes;
  }

  std::uint64_t size_ = 0;  // buckets; there are always empty lanes
  Pages pages_;
  Bucket* buckets_ = nullptr;
  Index capacity_ = 0;
  Index count_ = 0;
};

}  // namespace gatewise::stream
