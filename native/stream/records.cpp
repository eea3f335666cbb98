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
// which threads come; what was there goes to `before`. Returns the place that is not the first one: i or another's, or
// -1 where none was there before.
template <bool kAlone>
Index leave_stamp(std::uint32_t& at, std::uint32_t stamp, Index i, std::uint32_t* before) {
  const auto mine = stamp + static_cast<std::uint32_t>(i);
  if constexpr (kAlone) {
    if (at >= stamp) return i;
    before[i] = at;
    at = mine;
    return -1;
  } else {
    std::uint32_t there = __atomic_load_n(&at, __ATOMIC_RELAXED);
    // The release passes on that the slot is written; who comes before it in place then adds kAgain to that.
    while (there < stamp || there > mine) {
      if (__atomic_compare_exchange_n(&at, &there, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
        before[i] = there;
        return there < stamp ? -1 : static_cast<Index>(there - stamp);
      }
    }
    return i;
  }
}

}  // namespace

Records::Records(Index record, Index room, NameHash hash) : record_(record), hash_(hash) { grow(room); }

Records::~Records() {
  for (Index at = 0; names_.size() != 0 && at < touched_; ++at) {
    const auto slot = static_cast<std::uint32_t>(at);
    if ((flags_[slot] & kKind) > 1) OwnName(name(slot));
  }
}

void Records::grow(Index room) {
  constexpr Index kMost = Index{1} << 30;
  if (room < 1 || room > kMost) {
    throw std::invalid_argument("capacity must be from 1 to " + std::to_string(kMost) + ", not " +
                                std::to_string(room));
  }
  const auto count = static_cast<std::size_t>(room);
  IdMap numbers = numbers_.in_memory_for(room);
  IdMap names = names_.in_memory_for(room);
  state_pages_.grow(count * bytes());
  place_areas();
  id_pages_.grow(count * sizeof(std::int64_t));
  place_areas();
  free_pages_.grow(count * sizeof(std::uint32_t));
  place_areas();
  flag_pages_.grow(count);
  place_areas();
  numbers_ = std::move(numbers);
  names_ = std::move(names);
  room_ = room;
}

// Where the areas lie now.
void Records::place_areas() {
  states_ = state_pages_.as<float>();
  ids_ = id_pages_.as<std::int64_t>();
  free_ = free_pages_.as<std::uint32_t>();
  flags_ = flag_pages_.as<std::uint8_t>();
}

std::unique_ptr<Records> Records::copy() const {
  auto other = std::make_unique<Records>(record_, room_);
  for (Index at = 0; at < touched_; ++at) {
    const auto slot = static_cast<std::uint32_t>(at);
    if (!live(slot)) continue;
    const Id which = id(slot);
    const std::uint32_t twin = other->add(which, *find(which).stamp);
    std::memcpy(other->at(twin), this->at(slot), bytes());
  }
  return other;
}

Id Records::id(std::uint32_t slot) const { return (flags_[slot] & kKind) == 1 ? Id(ids_[slot]) : name(slot)->id(); }

void Records::mark_all(bool set) {
  for (Index slot = 0; slot < touched_; ++slot) {
    const auto kind = static_cast<std::uint8_t>(flags_[slot] & kKind);
    flags_[slot] = static_cast<std::uint8_t>(kind | (set && kind != 0 ? kMarked : 0));
  }
}

Records::Entry Records::find(const Id& id) const {
  if (id.kind == Kind::integer) {
    const IdMap::Entry entry = numbers_.find(id.number);
    return entry ? Entry{entry.slot(), &entry.stamp()} : Entry{};
  }
  const IdMap::Entry entry = names_.find(hash_(id));
  return entry && name(entry.slot())->id() == id ? Entry{entry.slot(), &entry.stamp()} : Entry{};
}

// Slots that were never used are zeros already.
void Records::take_next_slot() {
  if (free_count_ == 0) {
    ++touched_;
  } else {
    std::memset(at(free_[--free_count_]), 0, bytes());
  }
}

std::uint32_t Records::add(const Id& id, std::uint32_t stamp, OwnName name) {
  const std::uint32_t slot = next_slot();
  if (id.kind == Kind::integer) {
    if (!numbers_.insert(id.number, slot, stamp)) return kNone;
    ids_[slot] = id.number;
  } else {
    if (find(id)) return kNone;
    if (name == nullptr) name.reset(Name::make(id));
    while (!names_.insert(hash_(id), slot, stamp)) draw_hash();
    ids_[slot] = reinterpret_cast<std::int64_t>(name.release());
  }
  flags_[slot] = static_cast<std::uint8_t>(static_cast<int>(id.kind) + 1);
  take_next_slot();
  return slot;
}

// Another hash, under which no two names that are there have the same.
void Records::draw_hash() {
  const NameHash hash = hash_.another();
  IdMap names(names_.capacity());
  bool apart = true;
  names_.each([&](std::int64_t /*hash*/, std::uint32_t slot, std::uint32_t stamp) {
    apart = names.insert(hash(name(slot)->id()), slot, stamp) && apart;
  });
  if (!apart) return;  // The caller tries again.
  hash_ = hash;
  names_ = std::move(names);
}

OwnName Records::drop(std::uint32_t slot) {
  OwnName own;
  if ((flags_[slot] & kKind) == 1) {
    numbers_.erase(numbers_.find(ids_[slot]));
  } else {
    own.reset(name(slot));
    names_.erase(names_.find(hash_(own->id())));
  }
  flags_[slot] = 0;
  free_[free_count_++] = slot;
  return own;
}

std::vector<std::uint32_t> Records::renumber() {
  std::vector<std::uint32_t> stamps;
  stamps.reserve(static_cast<std::size_t>(size()));
  each([&](std::uint32_t /*slot*/, std::uint32_t stamp) { stamps.push_back(stamp); });
  std::sort(stamps.begin(), stamps.end());
  each([&](std::uint32_t /*slot*/, std::uint32_t& stamp) {
    stamp = static_cast<std::uint32_t>(std::lower_bound(stamps.begin(), stamps.end(), stamp) - stamps.begin()) + 1;
  });
  return stamps;
}

template <bool kAlone>
Records::Found Records::find_numbers(const Search& search, Index begin, Index end) const {
  Found found;
  const std::int64_t* const ids = search.ids.numbers();
  HomesAhead homes(numbers_, ids, begin, end);
  for (Index i = begin; i < end; ++i) {
    const IdMap::Entry entry = numbers_.find(ids[i], homes.take(i));
    if (!entry) {
      found.all = false;
      if (!search.through) return found;
      search.slots[i] = kNone;
      continue;
    }
    search.slots[i] = entry.slot();
    const Index again = leave_stamp<kAlone>(entry.stamp(), search.stamp, i, search.before);
    if (again < 0) continue;
    search.slots[again] |= kAgain;
    found.twice = true;
  }
  return found;
}

Records::Found Records::find_any(const Search& search, Index begin, Index end) const {
  Found found;
  for (Index i = begin; i < end; ++i) {
    const Entry entry = find(search.ids[i]);
    if (!entry) {
      found.all = false;
      if (!search.through) return found;
      search.slots[i] = kNone;
      continue;
    }
    search.slots[i] = entry.slot;
    const Index again = search.alone ? leave_stamp<true>(*entry.stamp, search.stamp, i, search.before)
                                     : leave_stamp<false>(*entry.stamp, search.stamp, i, search.before);
    if (again < 0) continue;
    search.slots[again] |= kAgain;
    found.twice = true;
  }
  return found;
}

Records::Found Records::find_part(const Search& search, Index begin, Index end) const {
  if (!search.ids.all_numbers()) return find_any(search, begin, end);
  return search.alone ? find_numbers<true>(search, begin, end) : find_numbers<false>(search, begin, end);
}

void Records::undo(const Search& search) const {
  for (Index i = 0; i < search.ids.size(); ++i) {
    const Entry entry = find(search.ids[i]);
    if (!entry) continue;
    // A place may have taken the stamp of a later one, which had come first.
    while (*entry.stamp >= search.stamp) *entry.stamp = search.before[*entry.stamp - search.stamp];
  }
}

void Records::refuse(const Ids& ids) const {
  Index place = 0;
  while (find(ids[place])) ++place;
  throw UnknownStream("stream " + ids[place].shown() + " (at place " + std::to_string(place) +
                      ") is not in the pool. Nothing was changed: add it first.");
}

}  // namespace gatewise::stream
