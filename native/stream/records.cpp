#include "records.h"

#include <algorithm>
#include <cstring>

namespace gatewise::stream {
namespace {

// How far ahead of a look-up its memory is asked for.
constexpr Index kAhead = 16;

}  // namespace

Records::Records(Index capacity, Index record) : capacity_(capacity), record_(record) {
  constexpr Index kMost = Index{1} << 30;
  if (capacity < 1 || capacity > kMost) {
    throw std::invalid_argument("capacity must be from 1 to " + std::to_string(kMost) + ", not " +
                                std::to_string(capacity));
  }
  const auto count = static_cast<std::size_t>(capacity);
  map_ = IdMap(capacity);
  state_pages_ = Pages(count * static_cast<std::size_t>(record) * sizeof(float));
  id_pages_ = Pages(count * sizeof(std::int64_t));
  free_pages_ = Pages(count * sizeof(std::uint32_t));
  live_pages_ = Pages(count);
  states_ = state_pages_.as<float>();
  ids_ = id_pages_.as<std::int64_t>();
  free_ = free_pages_.as<std::uint32_t>();
  live_ = live_pages_.as<std::uint8_t>();
}

std::uint32_t Records::take_slot() {
  if (free_count_ == 0) return static_cast<std::uint32_t>(touched_++);
  const std::uint32_t slot = free_[--free_count_];
  std::memset(at(slot), 0, static_cast<std::size_t>(record_) * sizeof(float));
  return slot;
}

void Records::add_one(std::int64_t id) {
  const std::uint32_t slot = take_slot();
  map_.insert(id, slot);
  ids_[slot] = id;
  live_[slot] = 1;
  ++size_;
}

void Records::drop_one(IdMap::Entry* entry) {
  const std::uint32_t slot = entry->slot();
  map_.erase(entry);
  live_[slot] = 0;
  free_[free_count_++] = slot;
  --size_;
}

void Records::add(const std::int64_t* ids, Index count) {
  if (count > capacity_ - size_) {
    throw std::invalid_argument("the pool holds " + std::to_string(size_) + " of at most " + std::to_string(capacity_) +
                                " streams, and " + std::to_string(count) +
                                " new ones came. Nothing was added: drop streams that have ended, or make a pool of "
                                "larger capacity and restore a snapshot of this one into it.");
  }
  for (Index i = 0; i < count; ++i) {
    if (i + kAhead < count) map_.prefetch(ids[i + kAhead]);
    if (!contains(ids[i])) {
      add_one(ids[i]);
      continue;
    }
    const std::string id = std::to_string(ids[i]);
    while (i-- > 0) drop_one(map_.find(ids[i]));
    throw std::invalid_argument("stream " + id + " is in the pool already, or came twice. Nothing was added.");
  }
}

void Records::drop(const std::int64_t* ids, Index count) {
  std::vector<std::uint32_t> slots(static_cast<std::size_t>(count));
  bool twice = false;
  find(ids, count, slots.data(), &twice);
  if (twice) {
    throw std::invalid_argument("an id stands twice among those to drop. Nothing was dropped.");
  }
  for (Index i = 0; i < count; ++i) drop_one(map_.find(ids[i]));
}

std::uint32_t Records::next_stamp() {
  if (++stamp_ == 0) {
    map_.clear_stamps();
    stamp_ = 1;
  }
  return stamp_;
}

bool Records::find_part(std::uint32_t stamp, const std::int64_t* ids, Index count, std::uint32_t* slots,
                        bool* twice) const {
  std::uint32_t seen = 0;
  for (Index i = 0; i < std::min(kAhead, count); ++i) map_.prefetch(ids[i]);
  for (Index i = 0; i < count; ++i) {
    if (i + kAhead < count) map_.prefetch(ids[i + kAhead]);
    IdMap::Entry* entry = map_.find(ids[i]);
    if (entry == nullptr) return false;
    // Of two threads that meet at one entry, one finds the other's stamp.
    const bool again = __atomic_exchange_n(&entry->stamp, stamp, __ATOMIC_RELAXED) == stamp;
    slots[i] = entry->slot() | (again ? kAgain : 0);
    seen |= slots[i];
  }
  *twice = (seen & kAgain) != 0;
  return true;
}

void Records::refuse(const std::int64_t* ids, Index count) const {
  const std::int64_t* place = std::find_if(ids, ids + count, [this](std::int64_t id) { return !contains(id); });
  throw UnknownStream("stream " + std::to_string(*place) + " (at place " + std::to_string(place - ids) +
                      ") is not in the pool. Nothing was changed: add it first.");
}

void Records::find(const std::int64_t* ids, Index count, std::uint32_t* slots, bool* twice) {
  *twice = false;
  if (!find_part(next_stamp(), ids, count, slots, twice)) refuse(ids, count);
}

Index Records::list(Index from, Index count, std::int64_t* ids, float* states, Index* written) const {
  *written = 0;
  for (; from < touched_ && *written < count; ++from) {
    if (live_[from] == 0) continue;
    if (ids != nullptr) ids[*written] = ids_[from];
    if (states != nullptr) {
      std::memcpy(states + *written * record_, at(static_cast<std::uint32_t>(from)),
                  static_cast<std::size_t>(record_) * sizeof(float));
    }
    ++*written;
  }
  return from;
}

}  // namespace gatewise::stream
