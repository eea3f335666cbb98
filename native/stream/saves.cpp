// The long calls of a pool, which other calls do not wait for, or not all the time.
#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

#include "stream/costs.h"
#include "stream/pool.h"

namespace gatewise::stream {

using Hold = std::lock_guard<ForkLock>;

void Pool::save(Writer& writer, const std::vector<char>& header, const Streams::Choice& choice) {
  const Hold alone(long_calls_);
  const auto [count, gone] = [&] {
    const Hold hold(lock_);
    return streams_.begin_save(choice);
  }();
  struct End {
    Pool& pool;
    ~End() {
      const Hold hold(pool.lock_);
      pool.streams_.end_save();
    }
  } const end{*this};
  writer.begin(header, gone, count);
  Block block;
  const auto next = [&] {
    const Hold hold(lock_);
    return streams_.next_to_save(block);
  };
  while (next()) writer.add(block);
  writer.end();
}

void Pool::restore(Reader& reader, const std::vector<char>& header, int version) {
  const Hold alone(long_calls_);
  Capacity capacity;
  {
    const Hold hold(lock_);
    capacity = streams_.capacity();
  }
  const Index room = capacity.most.value_or(costs::kFirstRoom);
  Saved saved = reader.read(header, version, program_->record(), room, capacity.limit());
  const Hold hold(lock_);
  const Index limit = streams_.capacity().limit();  // It may be another by now.
  if (saved.streams->size() > limit)
    throw std::invalid_argument("it holds more streams than the pool may. Nothing was changed");
  if (streams_.capacity().most && saved.streams->room() < limit) saved.streams->grow(limit);
  streams_.replace(std::move(saved.streams));
}

IdList Pool::load(Reader& reader, const std::vector<char>& header, int version) {
  const Saved saved = reader.read(header, version, program_->record(), costs::kFirstRoom, Capacity::kMost);
  std::vector<Id> ids;
  IdList all;
  ids.reserve(static_cast<std::size_t>(saved.streams->size()));
  for (Index slot = 0; slot < saved.streams->used(); ++slot) {
    ids.push_back(saved.streams->id(static_cast<std::uint32_t>(slot)));
    all.add(ids.back());
  }
  std::vector<std::uint32_t> slots(ids.size());
  std::vector<std::uint32_t> before(ids.size());
  const Hold hold(lock_);
  merge(saved, ids, slots.data(), before.data());
  return all;
}

// Puts what was saved beside what is there.
void Pool::merge(const Saved& saved, const std::vector<Id>& ids, std::uint32_t* slots, std::uint32_t* before) {
  const Ids all(ids.data(), static_cast<Index>(ids.size()));
  Records::Search made = streams_.search(all, slots, before);
  made.through = true;
  records().find_part(made, 0, all.size());
  try {
    Streams::Change change(streams_, made.stamp);
    for (Index i = 0; i < saved.gone.size(); ++i) {
      const Records::Entry entry = records().find(saved.gone[i]);
      if (entry && *entry.stamp < made.stamp) change.drop(entry.slot);
    }
    change.make_room(std::count(slots, slots + ids.size(), Records::kNone));
    change.add_missing(made);
    change.keep();
  } catch (...) {
    records().undo(made);
    throw;
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    streams_.before_change(slots[i]);
    std::memcpy(records().at(slots[i]), saved.streams->at(static_cast<std::uint32_t>(i)), records().bytes());
  }
}

namespace {

// Whether some numbers are all finite. The exponent of those that are not has all its bits set.
bool all_finite(const float* numbers, Index count) {
  constexpr std::uint32_t kExponent = 0x7f800000;
  std::uint32_t found = 0;
  for (Index i = 0; i < count; ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, numbers + i, sizeof bits);
    found |= static_cast<std::uint32_t>((bits & kExponent) == kExponent);
  }
  return found == 0;
}

}  // namespace

IdList Pool::broken() {
  const Hold alone(long_calls_);
  IdList ids;
  const Index most = std::max<Index>(costs::kBytesAtOnce / (program_->record() * 4 + 1), 1);
  for (Index slot = 0, end = 1; slot < end;) {
    const Hold hold(lock_);
    end = records().used();
    for (const Index stop = std::min(slot + most, end); slot < stop; ++slot) {
      const auto at = static_cast<std::uint32_t>(slot);
      if (records().live(at) && !all_finite(records().at(at), records().record())) ids.add(records().id(at));
    }
  }
  return ids;
}

}  // namespace gatewise::stream
