// When the streams of a pool were used. Every use of a stream has a number of its own, its stamp, which stands beside
// the stream in the table of ids; later uses have higher ones. Here is what stamps say of time, and of marks.
#pragma once

#include <cstdint>
#include <vector>

#include "stream/ids.h"

namespace gatewise::stream {

class Uses {
 public:
  Uses();

  // Whether there are `count` stamps left; if not, the streams have to be renumbered first.
  bool has(Index count) const { return count <= static_cast<Index>(kLast - last_); }

  // The first of `count` stamps in a row. `now` is in seconds, of a clock that never goes back.
  std::uint32_t take(Index count, double now);

  // To be called with all streams' stamps in rising order, when they are replaced by 1, 2 and so on.
  void renumber(const std::vector<std::uint32_t>& stamps);

  // Stamps below this one were given `seconds` ago or earlier. Of those at that very time some may not be below: they
  // are late by a millisecond or, where that is more, by a hundredth of `seconds`.
  std::uint32_t before(double seconds, double now) const;

  Uses without_marks() const;

  // A new mark. The number of marks that are remembered has an end: the oldest is forgotten for it.
  std::uint64_t mark();
  // Stamps from this one on came after the mark. Throws std::invalid_argument for a mark that is not known.
  std::uint32_t since(std::uint64_t mark) const;
  // Forgets all marks.
  void forget();

  // Ids of streams that end, where there is a mark: first memory for all of them, then each.
  void expect_gone(Index count, std::size_t letters);
  void gone(const Id& id);
  // Calls `visit(id)` for those that ended after a mark, and perhaps came again.
  template <class Visit>
  void each_gone(std::uint64_t mark, Visit visit) const {
    const std::uint32_t from = since(mark);
    for (Index i = 0; i < gone_.size(); ++i) {
      if (gone_at_[static_cast<std::size_t>(i)] >= from) visit(gone_[i]);
    }
  }

 private:
  static constexpr std::uint32_t kLast = UINT32_MAX;

  // Stamps from `stamp` on, up to those of the next moment, were given from `first` to `last`.
  struct Moment {
    std::uint32_t stamp;
    double first;
    double last;
  };
  struct Mark {
    std::uint64_t number;
    std::uint32_t stamp;
  };

  void thin(double now);

  std::uint32_t last_ = 0;  // the last stamp that was given
  std::vector<Moment> moments_;
  std::vector<Mark> marks_;
  std::uint64_t next_mark_;
  IdList gone_;
  std::vector<std::uint32_t> gone_at_;  // the last stamp before
};

}  // namespace gatewise::stream
