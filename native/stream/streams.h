// The streams of a pool: which there are and how many may be, when they were used, and the save that is under way.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "stream/records.h"
#include "stream/saving.h"
#include "stream/snapshot.h"
#include "stream/uses.h"

namespace gatewise::stream {

// How many streams there may be; nothing is as many as can be counted. And whether a full pool drops those that were
// not used for longest, or refuses new ones.
struct Capacity {
  static constexpr Index kMost = Index{1} << 30;  // where there is no limit

  std::optional<Index> most;
  bool drop_when_full = false;

  Index limit() const { return most.value_or(kMost); }
};

class Streams {
 public:
  Streams(Index record, Capacity capacity);
  Streams(Streams&&) = default;
  Streams(const Streams& other);  // a copy, with the streams and their stamps, but no marks and no save under way

  Records& records() { return *records_; }
  const Records& records() const { return *records_; }
  const Capacity& capacity() const { return capacity_; }
  void set_capacity(std::optional<Index> most);

  // A search for `ids`, see Records: their streams are used now. `slots` and `before` have room for as many.
  Records::Search search(const Ids& ids, std::uint32_t* slots, std::uint32_t* before);

  bool save_under_way() const { return saving_.under_way(); }
  // To be called before a record changes.
  void before_change(std::uint32_t slot) { saving_.before_change(*records_, slot); }

  void add(const Ids& ids);
  // Those of some slots, each once; returns their ids.
  IdList drop(const std::vector<std::uint32_t>& slots);
  // Those not used for so many seconds; or so many of those not used for longest, the first of these first.
  std::vector<std::uint32_t> idle(double seconds);
  std::vector<std::uint32_t> oldest(Index count) const;
  std::uint64_t mark();

  // Which streams to save: all, or `ids`; and of these all, or those used since a mark.
  struct Choice {
    const Ids* ids = nullptr;
    std::optional<std::uint64_t> since;
  };
  // A save of the streams as they are now. Returns how many there are, and the ids of those that ended.
  std::pair<Index, IdList> begin_save(const Choice& choice);
  bool next_to_save(Block& block) { return saving_.next(*records_, block); }
  void end_save() { saving_.end(*records_); }

  // Other streams in place of these, as they were read. No save may be under way.
  void replace(std::unique_ptr<Records> records);

  class Change;

 private:
  using Stamped = std::pair<std::uint32_t, std::uint32_t>;  // a stream's stamp and its slot

  void want_stamps(Index count);
  std::vector<Stamped> stamped(std::uint32_t below) const;
  bool unused_since(const Stamped& stamped) const;

  std::unique_ptr<Records> records_;
  Capacity capacity_;
  Uses uses_;
  Saving saving_;
  std::vector<Stamped> oldest_;  // some not used for longest, the last of these first, as they were found
};

// The streams that come and go in one call. Where `keep` is not called, its end takes all of it back.
class Streams::Change {
 public:
  // Streams with stamps from `own` on are the call's own: they are not dropped to make room.
  Change(Streams& streams, std::uint32_t own) : streams_(streams), own_(own) {}
  ~Change();
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;

  // Room for so many more, where the pool may grow or drop some for them.
  void make_room(Index count);
  // Memory for so many that come.
  void expect(Index count) { came_.reserve(static_cast<std::size_t>(count)); }
  // A new stream, or Records::kNone where the id has one; there must be room.
  std::uint32_t add(const Id& id, std::uint32_t stamp);
  void drop(std::uint32_t slot);
  // New streams for the ids that a search has not found, in whose slots and as used at their places. Returns whether
  // one of them stands in more than one place.
  bool add_missing(const Records::Search& search);

  void keep();

 private:
  [[noreturn]] void refuse(Index count) const;
  void drop_oldest(Index count);

  Streams& streams_;
  std::uint32_t own_;
  std::vector<std::uint32_t> came_;
  IdList gone_;
  std::vector<std::uint32_t> stamps_;  // of those gone
  std::vector<OwnName> names_;
  std::vector<float> states_;
  bool kept_ = false;
};

}  // namespace gatewise::stream
