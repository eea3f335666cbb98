// A save of a pool as it was at one moment, while the pool goes on: copied piece by piece, and what a call is about to
// change before its turn, that call puts aside first.
#pragma once

#include <vector>

#include "stream/records.h"

namespace gatewise::stream {

// Streams as they are saved: their ids in bytes, and their records.
struct Block {
  Index count = 0;
  std::vector<char> ids;
  std::vector<float> records;

  bool full() const;
  void clear() { count = 0, ids.clear(), records.clear(); }
  // After an exception the block is as it was.
  void add(const Id& id, const float* record, Index size);
};

class Saving {
 public:
  // The streams to save are those that are marked among the records, `count` of them.
  void begin(Index count);
  bool under_way() const { return under_way_; }

  // Before a record changes, or its stream ends. Without memory for it the save fails, and the call goes on.
  void before_change(Records& records, std::uint32_t slot) {
    if (under_way_ && records.marked(slot)) put_aside(records, slot);
  }

  // The next piece: what was put aside, then some more. False where there is none. Throws std::bad_alloc where a save
  // has failed.
  bool next(Records& records, Block& block);

  // Ends it, done or not.
  void end(Records& records);

 private:
  void put_aside(Records& records, std::uint32_t slot);
  void copy(Records& records, std::uint32_t slot, Block& block);

  bool under_way_ = false;
  bool failed_ = false;
  Index left_ = 0;  // streams still marked
  Index at_ = 0;    // slots before are done
  std::vector<Block> aside_;
};

}  // namespace gatewise::stream
