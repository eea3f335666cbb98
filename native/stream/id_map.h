// From a stream's id to its slot: open addressing with linear probing, in memory for a fixed number of ids.
#pragma once

#include <cstdint>

#include "../engine.h"
#include "pages.h"

namespace gatewise::stream {

class IdMap {
 public:
  struct Entry {
    std::int64_t id;
    std::uint32_t place;  // slot + 1; 0 is an empty entry
    std::uint32_t stamp;  // the caller's: 0 at first

    std::uint32_t slot() const { return place - 1; }
  };

  IdMap() = default;
  explicit IdMap(Index capacity)
      : size_(static_cast<std::uint64_t>(capacity) * 3 / 2 + 8),
        pages_(size_ * sizeof(Entry)),
        table_(pages_.as<Entry>()) {}

  void prefetch(std::int64_t id) const { __builtin_prefetch(table_ + home(id)); }

  Entry* find(std::int64_t id) const {
    for (std::uint64_t at = home(id);; at = after(at)) {
      Entry* entry = table_ + at;
      if (entry->place == 0) return nullptr;
      if (entry->id == id) return entry;
    }
  }

  // The id must not be there, and there must be room for it.
  void insert(std::int64_t id, std::uint32_t slot) {
    std::uint64_t at = home(id);
    while (table_[at].place != 0) at = after(at);
    table_[at] = {id, slot + 1, 0};
  }

  // Moves those after it back over the hole, so that every entry can still be reached from its home.
  void erase(Entry* entry) {
    auto hole = static_cast<std::uint64_t>(entry - table_);
    for (std::uint64_t at = after(hole); table_[at].place != 0; at = after(at)) {
      const std::uint64_t start = home(table_[at].id);
      const bool between = hole < at ? start > hole && start <= at : start > hole || start <= at;
      if (between) continue;
      table_[hole] = table_[at];
      hole = at;
    }
    table_[hole] = {};
  }

  void clear_stamps() {
    for (std::uint64_t at = 0; at < size_; ++at) table_[at].stamp = 0;
  }

 private:
  std::uint64_t after(std::uint64_t at) const { return at + 1 == size_ ? 0 : at + 1; }

  // The finaliser of MurmurHash3 (Austin Appleby) spreads neighbouring ids; its high half times the size is a place.
  std::uint64_t home(std::int64_t id) const {
    auto hash = static_cast<std::uint64_t>(id);
    hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdU;
    hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53U;
    return ((hash ^ (hash >> 33)) >> 32) * size_ >> 32;
  }

  std::uint64_t size_ = 0;
  Pages pages_;
  Entry* table_ = nullptr;
};

}  // namespace gatewise::stream
