// The states of many streams, by id: one record each, side by side in one area of memory.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "stream/id_map.h"
#include "stream/pages.h"

namespace gatewise::stream {

// An id that has no stream.
class UnknownStream : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

class Records {
 public:
  Records() = default;
  Records(Index capacity, Index record);

  Index capacity() const { return capacity_; }
  Index record() const { return record_; }
  Index size() const { return size_; }

  float* at(std::uint32_t slot) const { return states_ + static_cast<Index>(slot) * record_; }
  bool contains(std::int64_t id) const { return static_cast<bool>(map_.find(id)); }

  // Each takes effect for all ids or, after an exception, for none.
  void add(const std::int64_t* ids, Index count);   // new streams, with zeros
  void drop(const std::int64_t* ids, Index count);  // each once

  // The slots of `ids`. Of an id that stands there more than once, all places but the first have kAgain set, and
  // `twice` is true. Throws UnknownStream.
  void find(const std::int64_t* ids, Index count, std::uint32_t* slots, bool* twice);

  // The same in parts, which threads may do at the same time, after one `begin_search(count)` for all. The slots are
  // complete when all parts are done. With `alone`, no other thread works on another part.
  struct Search {
    const std::int64_t* ids = nullptr;
    std::uint32_t* slots = nullptr;
    std::uint32_t stamp = 0;
    bool alone = true;
  };
  struct Found {
    bool all = true;     // every id is known
    bool twice = false;  // an id stands in more than one place
  };
  Search begin_search(const std::int64_t* ids, Index count, std::uint32_t* slots);
  Found find_part(const Search& search, Index begin, Index end) const;
  [[noreturn]] void refuse(const std::int64_t* ids, Index count) const;

  static constexpr std::uint32_t kAgain = std::uint32_t{1} << 31;

  // All ids, and, where `states` is not null, their records: for those from the `from`-th slot on, until `count` are
  // written or there are no more. Returns the slot to go on from.
  Index list(Index from, Index count, std::int64_t* ids, float* states, Index* written) const;

 private:
  std::uint32_t take_slot();
  void add_one(std::int64_t id);
  void drop_one(IdMap::Entry entry);
  template <bool kAlone>
  Found find_places(const Search& search, Index begin, Index end) const;

  Index capacity_ = 0;
  Index record_ = 0;
  Index size_ = 0;
  Index touched_ = 0;  // slots from here on have never been used, and are zeros
  Index free_count_ = 0;
  std::uint32_t stamp_ = 0;  // the last one that a search may have left in the map
  IdMap map_;
  Pages state_pages_;
  Pages id_pages_;
  Pages free_pages_;
  Pages live_pages_;
  float* states_ = nullptr;
  std::int64_t* ids_ = nullptr;
  std::uint32_t* free_ = nullptr;  // a stack of slots to use again
  std::uint8_t* live_ = nullptr;   // by slot
};

}  // namespace gatewise::stream
