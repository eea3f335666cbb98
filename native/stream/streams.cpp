#include "stream/streams.h"

#include <time.h>

#include <algorithm>
#include <cstring>

#include "stream/costs.h"

namespace gatewise::stream {
namespace {

// Seconds of a clock that never goes back; a few milliseconds behind where that is cheaper to ask.
double now() {
#if defined(CLOCK_MONOTONIC_COARSE)
  constexpr clockid_t kClock = CLOCK_MONOTONIC_COARSE;
#else
  constexpr clockid_t kClock = CLOCK_MONOTONIC;
#endif
  timespec time{};
  clock_gettime(kClock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

Index first_room(const Capacity& capacity) { return capacity.most.value_or(costs::kFirstRoom); }

}  // namespace

Streams::Streams(Index record, Capacity capacity)
    : records_(std::make_unique<Records>(record, first_room(capacity))), capacity_(capacity) {}

Streams::Streams(const Streams& other)
    : records_(other.records_->copy()), capacity_(other.capacity_), uses_(other.uses_.without_marks()) {}

void Streams::set_capacity(std::optional<Index> most) {
  if (most && *most < records_->size()) {
    throw std::invalid_argument(
        "capacity cannot be " + std::to_string(*most) + ": the pool holds " + std::to_string(records_->size()) +
        " streams. Drop some first: drop_least_recent(count) takes those not used for longest.");
  }
  if (most && *most > records_->room()) records_->grow(*most);
  capacity_.most = most;
}

// Makes sure that there are stamps for so many uses.
void Streams::want_stamps(Index count) {
  constexpr Index kMost = Index{1} << 31;
  if (count > kMost) {
    throw std::invalid_argument("a call takes at most " + std::to_string(kMost) + " ids, and " + std::to_string(count) +
                                " came. Nothing was changed: divide them among calls.");
  }
  if (uses_.has(count)) return;
  uses_.renumber(records_->renumber());
  oldest_.clear();
}

Records::Search Streams::search(const Ids& ids, std::uint32_t* slots, std::uint32_t* before) {
  want_stamps(ids.size());
  Records::Search search;
  search.ids = ids;
  search.slots = slots;
  search.before = before;
  search.stamp = uses_.take(ids.size(), now());
  return search;
}

void Streams::add(const Ids& ids) {
  const auto refuse = [](const Id& id) {
    throw std::invalid_argument("stream " + id.shown() + " is in the pool already, or came twice. Nothing was added.");
  };
  want_stamps(ids.size());
  const std::uint32_t stamp = uses_.take(ids.size(), now());
  Change change(*this, stamp);
  // What makes room for a stream must not be the stream itself.
  const bool may_drop = capacity_.drop_when_full && ids.size() > capacity_.limit() - records_->size();
  for (Index i = 0; may_drop && i < ids.size(); ++i) {
    if (records_->find(ids[i])) refuse(ids[i]);
  }
  change.make_room(ids.size());
  change.expect(ids.size());
  for (Index i = 0; i < ids.size(); ++i) {
    if (i + costs::kAhead < ids.size()) records_->prefetch(ids[i + costs::kAhead]);
    const std::uint32_t slot = change.add(ids[i], stamp + static_cast<std::uint32_t>(i));
    if (slot == Records::kNone) refuse(ids[i]);
  }
  change.keep();
}

IdList Streams::drop(const std::vector<std::uint32_t>& slots) {
  IdList ids;
  for (const std::uint32_t slot : slots) ids.add(records_->id(slot));
  uses_.expect_gone(ids.size(), ids.letters());
  for (const std::uint32_t slot : slots) {
    before_change(slot);
    records_->drop(slot);
  }
  for (Index i = 0; i < ids.size(); ++i) uses_.gone(ids[i]);
  return ids;
}

// Streams whose stamps are below one.
std::vector<Streams::Stamped> Streams::stamped(std::uint32_t below) const {
  std::vector<Stamped> found;
  records_->each([&](std::uint32_t slot, std::uint32_t stamp) {
    if (stamp < below) found.emplace_back(stamp, slot);
  });
  return found;
}

namespace {

template <class Pairs>
std::vector<std::uint32_t> slots_of(const Pairs& stamped) {
  std::vector<std::uint32_t> slots;
  slots.reserve(stamped.size());
  for (const auto& each : stamped) slots.push_back(each.second);
  return slots;
}

}  // namespace

std::vector<std::uint32_t> Streams::idle(double seconds) {
  std::vector<Stamped> found = stamped(uses_.before(seconds, now()));
  std::sort(found.begin(), found.end());
  return slots_of(found);
}

std::vector<std::uint32_t> Streams::oldest(Index count) const {
  std::vector<Stamped> found = stamped(UINT32_MAX);
  const auto wanted = static_cast<std::size_t>(std::min<Index>(count, static_cast<Index>(found.size())));
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(wanted), found.end());
  found.resize(wanted);
  return slots_of(found);
}

bool Streams::unused_since(const Stamped& stamped) const {
  if (!records_->live(stamped.second)) return false;
  return *records_->find(records_->id(stamped.second)).stamp == stamped.first;
}

std::uint64_t Streams::mark() {
  want_stamps(1);
  return uses_.mark();
}

std::pair<Index, IdList> Streams::begin_save(const Choice& choice) {
  std::pair<Index, IdList> result;
  const std::uint32_t from = choice.since ? uses_.since(*choice.since) : 0;
  const auto take = [&](std::uint32_t slot, std::uint32_t stamp) {
    if (stamp < from || records_->marked(slot)) return;
    records_->mark(slot, true);
    ++result.first;
  };
  if (choice.ids != nullptr) {
    const Ids& ids = *choice.ids;
    for (Index i = 0; i < ids.size(); ++i) {
      if (!records_->find(ids[i])) records_->refuse(ids);
    }
    for (Index i = 0; i < ids.size(); ++i) {
      const Records::Entry entry = records_->find(ids[i]);
      take(entry.slot, *entry.stamp);
    }
  } else if (choice.since) {
    uses_.each_gone(*choice.since, [&](const Id& id) {
      if (!records_->find(id)) result.second.add(id);
    });
    records_->each(take);
  } else {
    records_->mark_all(true);
    result.first = records_->size();
  }
  saving_.begin(result.first);
  return result;
}

void Streams::replace(std::unique_ptr<Records> records) {
  Uses uses;
  uses.take(records->size(), now());
  std::swap(uses_, uses);
  oldest_.clear();
  records_ = std::move(records);
}

// -- a change ---------------------------------------------------------------------------------------------------------

void Streams::Change::refuse(Index count) const {
  const Records& records = *streams_.records_;
  throw std::invalid_argument(
      "the pool holds " + std::to_string(records.size()) + " of at most " + std::to_string(streams_.capacity_.limit()) +
      " streams, and " + std::to_string(count) +
      " new ones came. Nothing was added: drop streams that have ended, or set pool.capacity to more.");
}

void Streams::Change::make_room(Index count) {
  Records& records = *streams_.records_;
  const Index limit = streams_.capacity_.limit();
  const Index wanted = records.size() + count;
  if (wanted > limit) {
    if (!streams_.capacity_.drop_when_full || count > limit) refuse(count);
    drop_oldest(wanted - limit);
  } else if (wanted > records.room()) {
    records.grow(std::max(wanted, std::min(limit, records.room() * 3 / 2)));
  }
}

// Those not used for longest are found many at once: of those found earlier, some may have been used or dropped since.
void Streams::Change::drop_oldest(Index count) {
  std::vector<Stamped>& oldest = streams_.oldest_;
  const Index size = streams_.records_->size();
  for (Index left = count; left > 0;) {
    if (oldest.empty()) {
      oldest = streams_.stamped(own_);
      if (static_cast<Index>(oldest.size()) < left) {
        oldest.clear();
        refuse(count);
      }
      const Index many = std::max({left, size / costs::kOldestPart, costs::kOldestLeast});
      if (many < static_cast<Index>(oldest.size())) {
        const auto end = oldest.begin() + static_cast<std::ptrdiff_t>(many);
        std::nth_element(oldest.begin(), end, oldest.end());
        oldest.erase(end, oldest.end());
      }
      std::sort(oldest.begin(), oldest.end(), std::greater<>());
    }
    const Stamped next = oldest.back();
    if (streams_.unused_since(next)) {
      drop(next.second);
      --left;
    }
    oldest.pop_back();
  }
}

std::uint32_t Streams::Change::add(const Id& id, std::uint32_t stamp) {
  if (came_.size() == came_.capacity()) came_.reserve(2 * came_.size() + 8);
  const std::uint32_t slot = streams_.records_->add(id, stamp);
  if (slot != Records::kNone) came_.push_back(slot);
  return slot;
}

void Streams::Change::drop(std::uint32_t slot) {
  Records& records = *streams_.records_;
  const Id id = records.id(slot);
  const float* const record = records.at(slot);
  states_.insert(states_.end(), record, record + records.record());
  stamps_.push_back(*records.find(id).stamp);
  names_.emplace_back();
  streams_.uses_.expect_gone(gone_.size() + 1, gone_.letters() + id.size);
  gone_.add(id);
  streams_.before_change(slot);
  names_.back() = records.drop(slot);
}

bool Streams::Change::add_missing(const Records::Search& search) {
  bool twice = false;
  for (Index i = 0; i < search.ids.size(); ++i) {
    if (i + costs::kAhead < search.ids.size()) streams_.records_->prefetch(search.ids[i + costs::kAhead]);
    if (search.slots[i] != Records::kNone) continue;
    if (const Records::Entry entry = streams_.records_->find(search.ids[i])) {
      search.slots[i] = entry.slot | Records::kAgain;
      twice = true;
      continue;
    }
    make_room(1);
    search.slots[i] = add(search.ids[i], search.stamp + static_cast<std::uint32_t>(i));
  }
  return twice;
}

void Streams::Change::keep() {
  for (Index i = 0; i < gone_.size(); ++i) streams_.uses_.gone(gone_[i]);
  kept_ = true;
}

Streams::Change::~Change() {
  if (kept_) return;
  Records& records = *streams_.records_;
  for (const std::uint32_t slot : came_) records.drop(slot);
  for (Index i = 0; i < gone_.size(); ++i) {
    const auto k = static_cast<std::size_t>(i);
    const std::uint32_t slot = records.add(gone_[i], stamps_[k], std::move(names_[k]));
    std::memcpy(records.at(slot), states_.data() + i * records.record(), records.bytes());
  }
  streams_.oldest_.clear();  // Of these some may have been left out that are as old again as they were.
}

}  // namespace gatewise::stream
