#include "stream/records.h"

#include <algorithm>
#include <cstring>

#include "stream/costs.h"

namespace gatewise::stream {
namespace {

// The homes of the ids that come next; their memory is asked for.
class HomesAhead {
 public:
  HomesAhead(const IdMap& map, const std::int64_t* ids, Index begin, Index end) : map_(map), ids_(ids), end_(end) {
    for (Index i = begin; i < std::min(begin + costs::kAhead, end); ++i) ask(i);
  }

  // The home of the i-th; to be called for each in turn.
  std::uint64_t take(Index i) {
    const std::uint64_t home = homes_[i % costs::kAhead];
    if (i + costs::kAhead < end_) ask(i + costs::kAhead);
    return home;
  }

 private:
  void ask(Index i) {
    const std::uint64_t home = map_.home(ids_[i]);
    homes_[i % costs::kAhead] = home;
    map_.prefetch(home);
  }

  const IdMap& map_;
  const std::int64_t* ids_;
  Index end_;
  std::uint64_t homes_[costs::kAhead];
};

// Leaves `stamp` + i at an id that stands in the i-th place, or the least such of all places, whatever the order in
// which threads come. Returns the place that is not the first one: i or another's, or -1 where none was there before.
template <bool kAlone>
Index leave_stamp(std::uint32_t& at, std::uint32_t stamp, Index i) {
  const auto mine = stamp + static_cast<std::uint32_t>(i);
  if constexpr (kAlone) {
    if (at >= stamp) return i;
    at = mine;
    return -1;
  } else {
    std::uint32_t there = __atomic_load_n(&at, __ATOMIC_RELAXED);
    // The release passes on that the slot is written; who comes before it in place then adds kAgain to that.
    while (there < stamp || there > mine) {
      if (__atomic_compare_exchange_n(&at, &there, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
        return there < stamp ? -1 : static_cast<Index>(there - stamp);
      }
    }
    return i;
  }
}

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

void Records::drop_one(IdMap::Entry entry) {
  const std::uint32_t slot = entry.slot();
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
  HomesAhead homes(map_, ids, 0, count);
  for (Index i = 0; i < count; ++i) {
    if (!map_.find(ids[i], homes.take(i))) {
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

Records::Search Records::begin_search(const std::int64_t* ids, Index count, std::uint32_t* slots) {
  constexpr Index kMost = Index{1} << 31;
  if (count > kMost) {
    throw std::invalid_argument("a call takes at most " + std::to_string(kMost) + " ids, and " + std::to_string(count) +
                                " came. Nothing was changed: divide them among calls.");
  }
  const auto wanted = static_cast<std::uint32_t>(count);
  if (wanted > UINT32_MAX - stamp_) {
    map_.clear_stamps();
    stamp_ = 0;
  }
  const Search search{ids, slots, stamp_ + 1, true};
  stamp_ += wanted;
  return search;
}

template <bool kAlone>
Records::Found Records::find_places(const Search& search, Index begin, Index end) const {
  Found found;
  HomesAhead homes(map_, search.ids, begin, end);
  for (Index i = begin; i < end; ++i) {
    const IdMap::Entry entry = map_.find(search.ids[i], homes.take(i));
    if (!entry) {
      found.all = false;
      return found;
    }
    search.slots[i] = entry.slot();
    const Index again = leave_stamp<kAlone>(entry.stamp(), search.stamp, i);
    if (again < 0) continue;
    search.slots[again] |= kAgain;
    found.twice = true;
  }
  return found;
}

Records::Found Records::find_part(const Search& search, Index begin, Index end) const {
  return search.alone ? find_places<true>(search, begin, end) : find_places<false>(search, begin, end);
}

void Records::refuse(const std::int64_t* ids, Index count) const {
  const std::int64_t* place = std::find_if(ids, ids + count, [this](std::int64_t id) { return !contains(id); });
  throw UnknownStream("stream " + std::to_string(*place) + " (at place " + std::to_string(place - ids) +
                      ") is not in the pool. Nothing was changed: add it first.");
}

void Records::find(const std::int64_t* ids, Index count, std::uint32_t* slots, bool* twice) {
  const Found found = find_part(begin_search(ids, count, slots), 0, count);
  if (!found.all) refuse(ids, count);
  *twice = found.twice;
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
