// The states of many streams, by id: one record each, side by side in one area of memory.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "stream/id_map.h"
#include "stream/ids.h"
#include "stream/names.h"
#include "stream/pages.h"

namespace gatewise::stream {

// An id that has no stream.
class UnknownStream : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

class Records {
 public:
  // Where a stream's record is, and its stamp; false where there is no such stream.
  struct Entry {
    std::uint32_t slot = 0;
    std::uint32_t* stamp = nullptr;
    explicit operator bool() const { return stamp != nullptr; }
  };

  Records(Index record, Index room, NameHash hash = NameHash());
  ~Records();
  Records(const Records&) = delete;
  Records& operator=(const Records&) = delete;

  std::unique_ptr<Records> copy() const;

  Index record() const { return record_; }
  Index size() const { return numbers_.size() + names_.size(); }
  Index room() const { return room_; }
  // Slots are numbered from 0 to used() - 1; some of these may be free.
  Index used() const { return touched_; }
  // After an exception nothing has changed.
  void grow(Index room);

  float* at(std::uint32_t slot) const { return states_ + static_cast<Index>(slot) * record_; }
  std::size_t bytes() const { return static_cast<std::size_t>(record_) * sizeof(float); }
  bool live(std::uint32_t slot) const { return (flags_[slot] & kKind) != 0; }
  Id id(std::uint32_t slot) const;  // of a live one

  // One bit a slot for the caller; a new stream's is not set.
  bool marked(std::uint32_t slot) const { return (flags_[slot] & kMarked) != 0; }
  void mark(std::uint32_t slot, bool set) {
    flags_[slot] = static_cast<std::uint8_t>((flags_[slot] & kKind) | (set ? kMarked : 0));
  }
  // Sets it for all that live, or for none.
  void mark_all(bool set);

  // Asks memory for what `find` of it will need.
  void prefetch(const Id& id) const {
    if (id.kind == Kind::integer) numbers_.prefetch(numbers_.home(id.number));
  }
  Entry find(const Id& id) const;
  // A new stream, with zeros, or kNone where the id has one; there must be room. After an exception nothing has
  // changed; with the memory of a name that was dropped there is none.
  std::uint32_t add(const Id& id, std::uint32_t stamp, OwnName name = {});
  OwnName drop(std::uint32_t slot);  // its name, where it had one

  // Calls `visit(slot, stamp)` for every stream; it may change the stamp.
  template <class Visit>
  void each(Visit visit) const {
    const auto one = [&](std::int64_t /*number*/, std::uint32_t slot, std::uint32_t& stamp) { visit(slot, stamp); };
    numbers_.each(one);
    names_.each(one);
  }
  // All stamps in rising order are replaced by 1, 2 and so on; what they were. After an exception nothing has changed.
  std::vector<std::uint32_t> renumber();

  // The slots of some ids, in parts, which threads may do at the same time. Each stream gets as its stamp `stamp` + i
  // of the first place i where it stands. All other places have kAgain set in their slots when all parts are done. With
  // `alone`, no other thread works on another part. With `through`, places of unknown ids are kNone; else the search
  // ends at the first.
  struct Search {
    Ids ids{static_cast<const std::int64_t*>(nullptr), 0};
    std::uint32_t* slots = nullptr;
    std::uint32_t* before = nullptr;  // stamps that were there
    std::uint32_t stamp = 0;
    bool alone = true;
    bool through = false;
  };
  struct Found {
    bool all = true;     // every id is known
    bool twice = false;  // a stream stands in more than one place
  };
  Found find_part(const Search& search, Index begin, Index end) const;
  // Gives streams the stamps that they had before the search.
  void undo(const Search& search) const;
  [[noreturn]] void refuse(const Ids& ids) const;

  static constexpr std::uint32_t kAgain = std::uint32_t{1} << 31;
  static constexpr std::uint32_t kNone = UINT32_MAX;

 private:
  static constexpr std::uint8_t kKind = 3;  // the id's kind + 1; a free slot has 0
  static constexpr std::uint8_t kMarked = 4;

  std::uint32_t next_slot() const {
    return free_count_ == 0 ? static_cast<std::uint32_t>(touched_) : free_[free_count_ - 1];
  }
  void take_next_slot();
  void place_areas();
  Name* name(std::uint32_t slot) const { return reinterpret_cast<Name*>(ids_[slot]); }
  void draw_hash();
  template <bool kAlone>
  Found find_numbers(const Search& search, Index begin, Index end) const;
  Found find_any(const Search& search, Index begin, Index end) const;

  Index room_ = 0;
  Index record_ = 0;
  Index touched_ = 0;  // slots from here on have never been used, and are zeros
  Index free_count_ = 0;
  IdMap numbers_;  // streams whose ids are integers, by these
  IdMap names_;    // others, by the hashes of their names, of which no two are the same
  NameHash hash_;
  Pages state_pages_;
  Pages id_pages_;
  Pages free_pages_;
  Pages flag_pages_;
  float* states_ = nullptr;
  std::int64_t* ids_ = nullptr;    // or where the name is
  std::uint32_t* free_ = nullptr;  // a stack of slots to use again
  std::uint8_t* flags_ = nullptr;  // by slot
};

}  // namespace gatewise::stream
